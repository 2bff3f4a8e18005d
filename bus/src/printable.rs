//! What a peer wrote, fit to be shown on a terminal or in a log.

/// The character, or what stands for one that is for terminals and not for people.
pub(crate) fn printable(character: char) -> char {
    if character.is_control() { '\u{fffd}' } else { character }
}
