//! How large a description may be.
//!
//! A schema arrives from another process, so whatever walks it must know an end. The same limits are asserted
//! at compile time where a descriptor is built: what this library describes, it can also read back.

/// Longest name of a type, field or variant, in bytes.
pub(super) const MAX_NAME: usize = 255;

/// Longest documentation of one item, in bytes; a longer one is cut.
pub(super) const MAX_DOCS: usize = 4096;

/// Most fields, variants or generic arguments of one type: as many as a `u16` can tell apart.
pub(super) const MAX_MEMBERS: usize = 1 << 16;

/// Most types in one schema.
pub(super) const MAX_TYPES: usize = 1 << 16;

/// Deepest nesting of types, so that walking one needs a bounded stack.
pub(super) const MAX_DEPTH: usize = 64;

/// Whether `character` may stand in a name: control characters could rewrite the terminal that shows them.
pub(super) fn allowed_in_name(character: char) -> bool {
    !character.is_control()
}

/// Whether `character` may stand in documentation, which has lines.
pub(super) fn allowed_in_docs(character: char) -> bool {
    character == '\n' || !character.is_control()
}
