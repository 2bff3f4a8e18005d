//! What the derive refuses, and in which words; and what it must accept in spite of its surroundings.
//!
//! A refusal is part of the interface: it is what a user reads when he is stuck, so each one is pinned with
//! its place and its remedy. After a change of a message, look at each difference, and then accept them with
//! `TRYBUILD=overwrite cargo test -p bus-derive --test ui`.

/// One test per topic, which is a folder of `tests/ui`.
macro_rules! refused {
    ($($topic:ident),*) => {$(
        #[test]
        fn $topic() {
            trybuild::TestCases::new().compile_fail(concat!("tests/ui/", stringify!($topic), "/*.rs"));
        }
    )*};
}

refused!(
    attributes, bytemuck, drop, enums, fields, generics, interface, invariants, layout, messages, names,
    padding, ranges, recovery, unions, versions
);

#[test]
fn accepted() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
