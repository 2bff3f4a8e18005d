//! What is wrong with generic types shows in `cargo check`, and not only when a program is built.
//!
//! Constants of generic types are evaluated for each use. A use in a function is looked at when code is made of
//! it; so what can be is an error of types instead, and the rest shows in a constant. Without tests that must
//! run, trybuild calls `cargo check`.

#[test]
fn errors_of_generic_types_show_in_cargo_check() {
    trybuild::TestCases::new().compile_fail("tests/ui/check/*.rs");
}
