//! What LAYOUT.md publishes for machines: vectors, hashes and states, in blocks of their own.

use std::fs;
use std::path::Path;

/// One of the published vectors.
#[derive(Debug)]
pub(crate) struct Vector {
    /// The type, as its heading has it.
    pub(crate) name: String,
    /// The definition, as a schema prints it.
    pub(crate) definition: String,
    pub(crate) schema: Vec<u8>,
    pub(crate) fingerprint: u128,
    /// The bytes of the value that the document describes.
    pub(crate) value: Vec<u8>,
}

/// The text of LAYOUT.md.
pub(crate) fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("LAYOUT.md");
    fs::read_to_string(path).expect("LAYOUT.md at the root of the repository")
}

/// All vectors, in their order.
pub(crate) fn vectors() -> Vec<Vector> {
    let text = text();
    let headed = text.split("\n### `").skip(1).filter(|section| section.contains("\n```vector\n"));
    headed.map(vector).collect()
}

fn vector(section: &str) -> Vector {
    let (name, rest) = section.split_once("`\n").expect("a heading ends");
    let [definition, vector] = ["text", "vector"].map(|kind| block(rest, kind).join("\n"));
    let (schema, rest) = vector.split_once("fingerprint").expect("a schema and a fingerprint");
    let (fingerprint, value) = rest.split_once("value").expect("a fingerprint and a value");
    Vector {
        name: name.to_owned(),
        definition,
        schema: hex(schema.strip_prefix("schema").expect("a vector begins with its schema")),
        fingerprint: number(fingerprint),
        value: hex(value),
    }
}

/// The lines of the first block of a kind in `text`.
pub(crate) fn block<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let opening = format!("```{kind}\n");
    let (_, rest) = text.split_once(&opening).unwrap_or_else(|| panic!("no block of {kind}"));
    let (block, _) = rest.split_once("\n```").expect("a block ends");
    block.lines().collect()
}

/// A number of 128 bits, in hexadecimal digits.
pub(crate) fn number(digits: &str) -> u128 {
    let digits = digits.trim();
    u128::from_str_radix(digits, 16).unwrap_or_else(|error| panic!("{digits:?}: {error}"))
}

/// Bytes in hexadecimal digits, with white space between them anywhere.
fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<char> = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
    let digit = |digit: char| digit.to_digit(16).expect("a hexadecimal digit") as u8;
    assert!(digits.len().is_multiple_of(2), "bytes are two digits each");
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
