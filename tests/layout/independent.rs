//! A second implementation of LAYOUT.md, as one in another language would be.
//!
//! It was written from that document alone and uses nothing of the library, not even its constants: where the two
//! disagree, one of them or the document is wrong. It reads only as much as fingerprints need, and refuses what it
//! cannot read; that a schema obeys the rules is not its business.

/// FNV-1a over 128 bits.
pub(crate) fn hash(text: &str) -> u128 {
    let step = |state: u128, byte: &u8| {
        (state ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    };
    text.as_bytes().iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, step)
}

/// The state of a fingerprint.
#[derive(Clone, Copy)]
pub(crate) struct State(pub(crate) u128);

impl State {
    pub(crate) fn start() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    pub(crate) fn word(&mut self, word: u64) {
        let product = (self.0 ^ u128::from(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        self.0 = product ^ (product >> 64);
    }

    pub(crate) fn wide(&mut self, number: u128) {
        self.word(number as u64);
        self.word((number >> 64) as u64);
    }
}

/// The fingerprint of the message that `schema` describes; `None` if it cannot be read.
pub(crate) fn fingerprint(schema: &[u8]) -> Option<u128> {
    let mut input = Input(schema);
    if input.byte()? != 1 {
        return None;
    }
    let order = input.byte()?;
    let count = input.small()?;
    let mut fingerprints = Vec::new();
    for _ in 0..count {
        let fingerprint = one_type(&mut input, order, &fingerprints)?;
        fingerprints.push(fingerprint);
    }
    if input.0.is_empty() { fingerprints.last().copied() } else { None }
}

fn one_type(input: &mut Input<'_>, order: u8, earlier: &[u128]) -> Option<u128> {
    let mut state = State::start();
    let kind = input.byte()?;
    let name = input.text()?;
    let _docs = input.text()?;
    let _version = input.small()?;
    state.word(1);
    state.word(kind.into());
    state.word(order.into());
    state.wide(hash(name));
    state.word(input.small()?);
    state.word(input.small()?);
    let arguments = input.small()?;
    state.word(arguments);
    for _ in 0..arguments {
        match input.byte()? {
            0 => {
                state.word(0);
                state.wide(input.one_of(earlier)?);
            }
            1 => {
                state.word(1);
                state.wide(input.signed()?);
            }
            _ => return None,
        }
    }
    match kind {
        // A primitive: its name says it.
        0 => {
            input.byte()?;
        }
        // An array, a list, a map.
        1 | 6 | 7 => {
            state.wide(input.one_of(earlier)?);
            state.word(input.small()?);
        }
        // Text, bytes.
        2 | 5 => state.word(input.small()?),
        // A struct, a union.
        3 | 8 => fields(input, &mut state, earlier)?,
        // An enum.
        4 => {
            state.word(input.byte()?.into());
            let variants = input.small()?;
            state.word(variants);
            for _ in 0..variants {
                state.wide(hash(input.text()?));
                let _docs = input.text()?;
                state.wide(input.signed()?);
                fields(input, &mut state, earlier)?;
            }
        }
        _ => return None,
    }
    Some(state.0)
}

/// A count and so many fields.
fn fields(input: &mut Input<'_>, state: &mut State, earlier: &[u128]) -> Option<()> {
    let count = input.small()?;
    state.word(count);
    for _ in 0..count {
        let name = input.text()?;
        let _docs = input.text()?;
        let offset = input.small()?;
        let of = input.one_of(earlier)?;
        let extras = input.byte()?;
        let unit = if extras & 1 != 0 { input.text()? } else { "" };
        if extras & 2 != 0 {
            input.small()?;
        }
        if extras & 4 != 0 {
            input.signed()?;
            input.signed()?;
        }
        if extras & 8 != 0 {
            input.bytes(16)?;
        }
        state.wide(hash(name));
        state.wide(hash(unit));
        state.wide(of);
        state.word(offset);
    }
    Some(())
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn bytes(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.bytes(1)?[0])
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = self.small()?;
        str::from_utf8(self.bytes(len)?).ok()
    }

    /// LEB128.
    fn number(&mut self) -> Option<u128> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u128::from(byte & 127).checked_shl(shift)?;
            if byte < 128 {
                return Some(number);
            }
            shift += 7;
        }
    }

    fn small(&mut self) -> Option<u64> {
        self.number()?.try_into().ok()
    }

    /// A zigzag number, as the 128 bits of two's complement.
    fn signed(&mut self) -> Option<u128> {
        let zigzag = self.number()?;
        Some(if zigzag % 2 == 0 { zigzag / 2 } else { !(zigzag / 2) })
    }

    /// The fingerprint of an earlier type.
    fn one_of(&mut self, earlier: &[u128]) -> Option<u128> {
        earlier.get(usize::try_from(self.small()?).ok()?).copied()
    }
}
