//! Where the padding of a type is, and how to be rid of it.
//!
//! `#[message(deny_padding)]` asks for a type whose every byte is a field's. If it is not, the compiler should
//! say which bytes are nobody's and which order of the fields has fewer, and not only that there are some. All
//! of this happens while the program is compiled; hence the text in an array, and the loops by index.

use super::descriptor::{FieldDescriptor, Kind, TypeDescriptor};

/// Longest report, in bytes; more is cut.
const LONGEST: usize = 2048;

/// The strictest alignment of a message.
const MAX_ALIGN: usize = 1 << 29;

/// Returns the descriptor of a type that has no padding.
///
/// # Panics
///
/// If it has some, at compile time, with a report.
pub const fn without_padding(descriptor: TypeDescriptor) -> TypeDescriptor {
    if !descriptor.padding_free() {
        let report = report(&descriptor);
        panic!("{}", report.as_str());
    }
    descriptor
}

/// A text in the making.
struct Text {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; LONGEST], len: 0 }
    }

    const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "this type has padding",
        }
    }

    const fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if bytes.len() > LONGEST - self.len {
            return;
        }
        let mut index = 0;
        while index < bytes.len() {
            self.bytes[self.len] = bytes[index];
            self.len += 1;
            index += 1;
        }
    }

    const fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        if self.len < LONGEST {
            self.bytes[self.len] = b'0' + (number % 10) as u8;
            self.len += 1;
        }
    }

    const fn quoted(&mut self, name: &str) {
        self.text("`");
        self.text(name);
        self.text("`");
    }
}

const fn report(descriptor: &TypeDescriptor) -> Text {
    let mut text = Text::new();
    text.quoted(descriptor.name());
    text.text(" has padding");
    match descriptor.kind() {
        Kind::Struct { fields } => {
            text.text(": ");
            holes(&mut text, fields, descriptor.size());
            advice(&mut text, fields, descriptor.size(), descriptor.align());
        }
        Kind::Enum { .. } => text.text(
            ", since its variants have different sizes, or fields that are aligned; use a struct with a plain \
             enum and the fields of all cases, or remove `deny_padding`: padding is sent as zeroes",
        ),
        _ => {}
    }
    text
}

/// Each hole: how many bytes, and behind what.
const fn holes(text: &mut Text, fields: &[FieldDescriptor], size: usize) {
    let (mut end, mut separator, mut index) = (0, "", 0);
    while index <= fields.len() {
        let next = if index < fields.len() { fields[index].offset() } else { size };
        if next > end {
            text.text(separator);
            bytes(text, next - end);
            if index == 0 {
                text.text(" at the beginning");
            } else {
                text.text(" after ");
                text.quoted(fields[index - 1].name());
                text.text(" (at ");
                text.number(end);
                text.text(")");
            }
            separator = ", ";
        }
        if index < fields.len() {
            let r#type = fields[index].descriptor();
            if !r#type.padding_free() {
                text.text(separator);
                text.text("some inside of ");
                text.quoted(fields[index].name());
                separator = ", ";
            }
            end = fields[index].offset() + r#type.size();
        }
        index += 1;
    }
}

/// What to do: another order, and something in what is left.
const fn advice(text: &mut Text, fields: &[FieldDescriptor], size: usize, align: usize) {
    let (mut occupied, mut index) = (0, 0);
    while index < fields.len() {
        occupied += fields[index].descriptor().size();
        index += 1;
    }
    // The strictest alignment first: then each field ends where the next may begin, and a hole is at the end only.
    let best = occupied.next_multiple_of(align);
    if best < size {
        text.text("; in the order ");
        let (mut level, mut separator) = (MAX_ALIGN, "");
        while level > 0 {
            let mut index = 0;
            while index < fields.len() {
                if fields[index].descriptor().align() == level {
                    text.text(separator);
                    text.quoted(fields[index].name());
                    separator = ", ";
                }
                index += 1;
            }
            level /= 2;
        }
        text.text(" there ");
        text.text(if best > occupied { "are " } else { "is " });
        if best > occupied {
            bytes(text, best - occupied);
            text.text(", at the end");
        } else {
            text.text("none");
        }
    }
    if best > occupied {
        text.text("; fill the end with a field of zeroes, such as `reserved: [u8; ");
        text.number(best - occupied);
        text.text("]`");
    }
    text.text("; or remove `deny_padding`: padding is sent as zeroes");
}

const fn bytes(text: &mut Text, count: usize) {
    text.number(count);
    text.text(if count == 1 { " byte" } else { " bytes" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    #[derive(bus_derive::Message)]
    #[message(crate = "crate")]
    #[repr(C)]
    struct Loose {
        side: u8,
        bid: f64,
        size: u16,
    }

    #[derive(bus_derive::Message)]
    #[message(crate = "crate")]
    #[repr(C)]
    struct Outer {
        inner: Loose,
    }

    #[test]
    fn a_report_says_where_the_padding_is_and_what_order_has_less() {
        assert_eq!(
            report(Loose::TYPE).as_str(),
            "`Loose` has padding: 7 bytes after `side` (at 1), 6 bytes after `size` (at 18); in the order `bid`, \
             `size`, `side` there are 5 bytes, at the end; fill the end with a field of zeroes, such as \
             `reserved: [u8; 5]`; or remove `deny_padding`: padding is sent as zeroes"
        );
        assert_eq!(
            report(Outer::TYPE).as_str(),
            "`Outer` has padding: some inside of `inner`; or remove `deny_padding`: padding is sent as zeroes"
        );
    }
}
