//! How a value of one version of a type becomes a value of another.
//!
//! A type evolves by *appending*: version 2 has the fields of version 1 and, after them, new ones marked
//! `since = 2`. A reader that was compiled with one version then takes values of the other: what the writer does
//! not have, keeps its default, and what the reader does not know, is passed over. A struct may grow wherever it
//! stands, so that what follows it lies elsewhere, and so does each element of an array of it:
//!
//! ```text
//!    there, version 1                       here, version 2
//!    Quote  bid:  Level { price, count }    Quote  bid:  Level { price, count, venue }
//!           asks: [Level; 3]                       asks: [Level; 3]
//!           size: u32                              size: u32
//!
//!    copy 12 bytes from 0 to 0              bid, its venue stays as it is
//!    3 times, every 16 → 24 bytes, 16 → 24:
//!        copy 12 bytes from 0 to 0          a level
//!    copy 4 bytes from 64 to 96             size
//! ```
//!
//! A [`Conversion`] is made once, when a session begins, from both [`Schema`]s: a list of such operations. It is
//! applied to each value, straight from the shared words into private memory that holds the defaults
//! ([`Message::write_absent`](super::Message::write_absent)) beforehand; what comes out is validated as any value
//! is.
//!
//! What may go wrong: the writer's schema is hostile. Every offset in it lies inside its type, which `rules`
//! checked when it was decoded; the number of operations and the work of making them are bounded here. And the
//! words may change while they are converted, so any words are accepted: the one thing that is read and acted
//! upon, the length of a list, is read once and held to its capacity. Each step of the work fills bytes of the
//! reader's message that no other step fills, so that the work is bounded by the sizes of both.

use core::fmt::Write;
use std::sync::Arc;

use super::descriptor::LIST_LEN_BYTES;
use super::difference::Difference;
use super::fingerprint::Fingerprint;
use super::schema::{Schema, SchemaField, SchemaKind, SchemaType};
use crate::copy;
use crate::sync::AtomicU64;

/// The most operations of a conversion: far above what types that people write need, once neighbours are joined.
const MAX_OPERATIONS: usize = 1 << 12;

/// The most pairs of types that are looked at to make one.
const MAX_STEPS: usize = 1 << 16;

/// The most reasons that are kept.
const MAX_REASONS: usize = 8;

/// The longest path in a reason, in characters.
const MAX_PATH: usize = 80;

/// How values of a writer's type become values of the reader's.
#[derive(Debug)]
pub(crate) struct Conversion {
    /// Each operation is followed by those that are its body.
    operations: Box<[Operation]>,
    /// What a value is before the operations; zeroes if there is none.
    template: Option<Arc<[u64]>>,
}

/// One step. Places are bytes from the beginning of the message, or of the element whose body this is in: `from`
/// in the writer's, `to` in the reader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// Copies bytes.
    Copy { from: usize, to: usize, bytes: usize },
    /// Does the next `body` operations for each element of an array.
    Repeat { count: usize, elements: Elements, body: usize },
    /// Copies the length of a list at these places, does the next `body` operations for each of so many elements,
    /// `capacity` at most, and clears the others.
    List { from: usize, to: usize, capacity: usize, elements: Elements, body: usize },
}

/// Where elements lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Elements {
    from: usize,
    to: usize,
    /// Bytes from one to the next there.
    from_stride: usize,
    /// Bytes from one to the next here.
    to_stride: usize,
}

/// Why values of one type do not become values of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unconvertible {
    /// Both types, field by field.
    pub(crate) difference: Difference,
    /// Which rules of evolution were not kept, where they were tried.
    pub(crate) reasons: Vec<String>,
}

impl Conversion {
    /// From values of `there` to values of `here`, which begin as `template` or, without one, as zeroes.
    ///
    /// # Errors
    /// Why `there` is not another version of `here`.
    pub(crate) fn new(
        here: &Schema,
        there: &Schema,
        template: Option<Arc<[u64]>>,
    ) -> Result<Self, Unconvertible> {
        let mut builder = Builder {
            here,
            there,
            operations: Vec::new(),
            joinable: 0,
            path: here.type_name(here.types().len() - 1),
            steps: 0,
            failed: here.big_endian() != there.big_endian(),
            reasons: Vec::new(),
        };
        builder.types(here.types().len() - 1, there.types().len() - 1, 0, 0);
        let Builder { operations, failed, reasons, .. } = builder;
        if failed {
            return Err(Unconvertible { difference: here.difference(there), reasons });
        }
        Ok(Self { operations: operations.into(), template })
    }

    /// Makes the value in `words`, which may be any, one of the reader's type in `out`.
    ///
    /// `words` are at least as many as the writer's type has, and `out` as many bytes as the reader's.
    pub(crate) fn make(&self, words: &[AtomicU64], out: &mut [u8]) {
        match &self.template {
            Some(template) => {
                let bytes = bytemuck::cast_slice::<u64, u8>(template);
                let len = out.len().min(bytes.len());
                out[..len].copy_from_slice(&bytes[..len]);
                out[len..].fill(0);
            }
            None => out.fill(0),
        }
        self.apply(words, out);
    }

    /// Converts the value in `words`, which may be any, into `out`, which holds what a value begins as.
    ///
    /// `words` are at least as many as the writer's type has, and `out` as many bytes as the reader's.
    pub(crate) fn apply(&self, words: &[AtomicU64], out: &mut [u8]) {
        run(&self.operations, words, 0, out, 0);
    }
}

/// Does `operations` on places that count from `from` and `to`. As deep as types nest.
fn run(mut operations: &[Operation], words: &[AtomicU64], from: usize, out: &mut [u8], to: usize) {
    while let Some((operation, rest)) = operations.split_first() {
        operations = match *operation {
            Operation::Copy { from: start, to: place, bytes } => {
                copy::load_bytes(words, from + start, &mut out[to + place..][..bytes]);
                rest
            }
            Operation::Repeat { count, elements, body } => {
                let (body, rest) = rest.split_at(body);
                elements.each(count, body, words, from, out, to);
                rest
            }
            Operation::List { from: start, to: place, capacity, elements, body } => {
                let (body, rest) = rest.split_at(body);
                let mut len = [0; LIST_LEN_BYTES];
                copy::load_bytes(words, from + start, &mut len);
                out[to + place..][..LIST_LEN_BYTES].copy_from_slice(&len);
                // A length that is too large stays, and is found by `validate`.
                let count =
                    usize::try_from(u64::from_le_bytes(len)).map_or(capacity, |len| len.min(capacity));
                elements.each(count, body, words, from, out, to);
                let unused = to + elements.to + count * elements.to_stride;
                out[unused..][..(capacity - count) * elements.to_stride].fill(0);
                rest
            }
        };
    }
}

impl Elements {
    fn each(
        self,
        count: usize,
        body: &[Operation],
        words: &[AtomicU64],
        from: usize,
        out: &mut [u8],
        to: usize,
    ) {
        if body.is_empty() {
            return;
        }
        for index in 0..count {
            let (from, to) = (from + self.from, to + self.to);
            run(body, words, from + index * self.from_stride, out, to + index * self.to_stride);
        }
    }
}

/// A conversion in the making.
struct Builder<'a> {
    here: &'a Schema,
    there: &'a Schema,
    operations: Vec<Operation>,
    /// From which operation on one may be joined with what follows it: the others are of an earlier body.
    joinable: usize,
    /// The way to the member being looked at.
    path: String,
    steps: usize,
    failed: bool,
    reasons: Vec<String>,
}

impl Builder<'_> {
    /// Converts a type at `from` into one at `to`. The recursion follows references to earlier types, and so is
    /// as deep as the shallower schema.
    fn types(&mut self, here: usize, there: usize, from: u64, to: u64) {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return self.too_large();
        }
        let (one, other) = (&self.here.types()[here], &self.there.types()[there]);
        // Fingerprints can be forged; the size is what the copy rests on.
        if one.fingerprint() == other.fingerprint() && one.size == other.size {
            return self.copy(from, to, one.size);
        }
        if self.here.type_name(here) != self.there.type_name(there) {
            return self.fail();
        }
        match (&one.kind, &other.kind) {
            (SchemaKind::Struct { fields }, SchemaKind::Struct { fields: peers }) => {
                self.fields((one, fields), (other, peers), from, to);
            }
            (
                SchemaKind::Array { element, len },
                SchemaKind::Array { element: peer_element, len: peer_len },
            ) if len == peer_len => self.elements(*element, *peer_element, |elements, body| {
                let elements = elements.at(from, to, 0, 0)?;
                Some(Operation::Repeat { count: narrow(*len)?, elements, body })
            }),
            (
                SchemaKind::List { element, capacity },
                SchemaKind::List { element: peer_element, capacity: peer_capacity },
            ) if capacity == peer_capacity => self.list(*element, *peer_element, *capacity, from, to),
            (
                SchemaKind::Map { entry, capacity },
                SchemaKind::Map { entry: peer_entry, capacity: peer_capacity },
            ) if capacity == peer_capacity => {
                if key(self.here, *entry) != key(self.there, *peer_entry) {
                    self.obstacle("the keys of a map cannot change");
                }
                self.list(*entry, *peer_entry, *capacity, from, to);
            }
            (SchemaKind::Enum { .. }, SchemaKind::Enum { .. }) => {
                self.obstacle("an enum cannot change between versions, nor can what its variants hold");
            }
            (SchemaKind::Union { .. }, SchemaKind::Union { .. }) => {
                self.obstacle("a union cannot change between versions");
            }
            _ => self.fail(),
        }
    }

    /// Those that both sides have are the same, in the same order; the others come after them, and say that they
    /// are new.
    fn fields(
        &mut self,
        (one, fields): (&SchemaType, &[SchemaField]),
        (other, peers): (&SchemaType, &[SchemaField]),
        from: u64,
        to: u64,
    ) {
        for (field, peer) in fields.iter().zip(peers) {
            if field.name != peer.name {
                let (field, peer) = (&field.name, &peer.name);
                return self.obstacle(&format!(
                    "fields can only be appended, but `{field}` here stands where `{peer}` does there"
                ));
            }
            if field.unit != peer.unit {
                let unit = |field: &SchemaField| match &*field.unit {
                    "" => "without unit".to_owned(),
                    unit => format!("in `{unit}`"),
                };
                let units = format!("it is {} here and {} there", unit(field), unit(peer));
                self.within(&format!(".{}", field.name), |builder| builder.obstacle(&units));
            }
            self.within(&format!(".{}", field.name), |builder| {
                builder.types(field.type_index, peer.type_index, from + peer.offset, to + field.offset);
            });
        }
        let (surplus, version, longer, shorter) = if fields.len() > peers.len() {
            (&fields[peers.len()..], other.version, "here", "there")
        } else {
            (&peers[fields.len()..], one.version, "there", "here")
        };
        self.steps += surplus.len();
        for field in surplus.iter().filter(|field| field.since <= version) {
            let (name, since, next) = (&one.name, field.since, u64::from(version) + 1);
            let why = match since {
                1 => format!("it was appended {longer} without `since`"),
                _ => format!(
                    "it is new {longer} since version {since}, but `{name}` {shorter} has version {version} and \
                     not this field"
                ),
            };
            self.within(&format!(".{}", field.name), |builder| {
                builder.obstacle(&format!("{why}; mark it `since = {next}` and `{name}` `version = {next}`"));
            });
        }
    }

    fn list(&mut self, element: usize, peer_element: usize, capacity: u64, from: u64, to: u64) {
        let first = |schema: &Schema, element: usize| {
            (LIST_LEN_BYTES as u64).next_multiple_of(schema.types()[element].align)
        };
        let (first_from, first_to) = (first(self.there, peer_element), first(self.here, element));
        self.elements(element, peer_element, |elements, body| {
            let elements = elements.at(from, to, first_from, first_to)?;
            let (from, to, capacity) = (narrow(from)?, narrow(to)?, narrow(capacity)?);
            Some(Operation::List { from, to, capacity, elements, body })
        });
    }

    /// An operation whose body converts one element; `operation` makes it of the elements' strides and the length
    /// of the body, unless a number is too large.
    fn elements(
        &mut self,
        element: usize,
        peer_element: usize,
        operation: impl FnOnce(Strides, usize) -> Option<Operation>,
    ) {
        let strides =
            Strides { from: self.there.types()[peer_element].size, to: self.here.types()[element].size };
        let (position, joinable) = (self.operations.len(), self.joinable);
        // Holds the place until the length of the body is known.
        self.push(Operation::Copy { from: 0, to: 0, bytes: 0 });
        let body = self.operations.len();
        self.joinable = body;
        self.within("[]", |builder| builder.types(element, peer_element, 0, 0));
        self.joinable = self.operations.len();
        match operation(strides, self.operations.len() - body) {
            // Nothing to do, however often.
            Some(Operation::Repeat { count, body, .. }) if count == 0 || body == 0 => {
                self.operations.truncate(position);
                self.joinable = joinable;
            }
            Some(operation) if position < self.operations.len() => self.operations[position] = operation,
            _ => self.too_large(),
        }
    }

    /// Copies bytes, together with what was copied before if they follow that on both sides.
    fn copy(&mut self, from: u64, to: u64, bytes: u64) {
        let (Some(from), Some(to), Some(bytes)) = (narrow(from), narrow(to), narrow(bytes)) else {
            return self.too_large();
        };
        if bytes == 0 {
            return;
        }
        if let Some(Operation::Copy { from: start, to: place, bytes: before }) =
            self.operations.get_mut(self.joinable..).and_then(<[_]>::last_mut)
            && (*start + *before, *place + *before) == (from, to)
        {
            *before += bytes;
            return;
        }
        self.push(Operation::Copy { from, to, bytes });
    }

    fn push(&mut self, operation: Operation) {
        if self.operations.len() == MAX_OPERATIONS {
            return self.too_large();
        }
        self.operations.push(operation);
    }

    /// Looks at a member.
    fn within(&mut self, segment: &str, look: impl FnOnce(&mut Self)) {
        // Where it is too large, there is no end to it.
        if self.steps > MAX_STEPS {
            return;
        }
        let len = self.path.len();
        self.path.push_str(segment);
        look(self);
        self.path.truncate(len);
    }

    /// The types are of a size for which nobody would want to wait.
    #[cold]
    fn too_large(&mut self) {
        self.steps = MAX_STEPS + 1;
        if !self.failed {
            self.reasons.push("the types are too large to be converted into each other".to_owned());
        }
        self.failed = true;
    }

    /// The types differ, as the rows of their difference say.
    fn fail(&mut self) {
        self.failed = true;
    }

    /// The types differ in a way that could be mended by keeping the rules of evolution.
    fn obstacle(&mut self, why: &str) {
        self.failed = true;
        if self.reasons.len() < MAX_REASONS {
            let mut reason = String::from("`");
            let excess = self.path.chars().count().saturating_sub(MAX_PATH);
            if excess > 0 {
                reason.push('…');
            }
            reason.extend(self.path.chars().skip(excess));
            // Writing to a string does not fail.
            let _ = write!(reason, "`: {why}");
            self.reasons.push(reason);
        }
    }
}

/// The sizes of an element on both sides.
struct Strides {
    from: u64,
    to: u64,
}

impl Strides {
    /// The elements of what lies at these places, after so many bytes.
    fn at(self, from: u64, to: u64, from_first: u64, to_first: u64) -> Option<Elements> {
        Some(Elements {
            from: narrow(from.checked_add(from_first)?)?,
            to: narrow(to.checked_add(to_first)?)?,
            from_stride: narrow(self.from)?,
            to_stride: narrow(self.to)?,
        })
    }
}

/// The type of the keys in a map's entries.
fn key(schema: &Schema, entry: usize) -> Option<Fingerprint> {
    let key = schema.types()[entry].fields().first()?;
    Some(schema.types()[key.type_index].fingerprint())
}

fn narrow(number: u64) -> Option<usize> {
    usize::try_from(number).ok()
}

#[cfg(all(test, not(loom)))]
#[path = "conversion_tests.rs"]
mod tests;
