//! What the derive writes, shape by shape, so that a change of it is seen as what it is: other code in every
//! program that uses the bus.
//!
//! Each shape is expanded, formatted and compared with a file of `tests/golden`. After a change of the
//! expansion, look at each difference as at code written by hand, and then accept them with
//! `BUS_GOLDEN=overwrite cargo test -p bus-derive --lib golden`.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use proc_macro2::TokenStream;
use quote::quote;

use crate::derive;

/// Lines shown around a difference.
const CONTEXT: usize = 3;

/// One test per shape, which is a file of `tests/golden`.
macro_rules! golden {
    ($($shape:ident { $($input:tt)* })*) => {
        $(
            #[test]
            fn $shape() {
                compare(stringify!($shape), quote!($($input)*));
            }
        )*

        #[test]
        fn each_file_is_of_a_shape() {
            let shapes = [$(concat!(stringify!($shape), ".rs")),*];
            for file in fs::read_dir(folder()).expect("the folder of the golden files") {
                let name = file.expect("a file of the folder").file_name();
                let known = name == "interface.rs" || shapes.iter().any(|shape| name == *shape);
                assert!(known, "tests/golden/{}: there is no shape of this name, so remove it", name.display());
            }
        }
    };
}

golden! {
    struct_with_padding {
        /// The best bid.
        #[repr(C)]
        struct Quote {
            /// In dollars.
            bid: f64,
            side: Side,
            sizes: [u32; 3],
        }
    }
    command {
        #[repr(C)]
        #[message(reply = Filled<T>)]
        struct Buy<T> {
            what: T,
        }
    }
    struct_without_fields {
        #[repr(C)]
        pub struct Nothing;
    }
    transparent_newtype {
        #[repr(transparent)]
        pub struct Price(pub i64);
    }
    tuple_struct {
        #[repr(C)]
        pub struct Pair(pub u8, pub(crate) Side);
    }
    generic_struct {
        #[repr(C)]
        struct Window<T: Copy = f32, const N: usize = 4>
        where
            T: PartialOrd,
        {
            values: [T; N],
            count: u32,
        }
    }
    unit_enum {
        /// Which way an order goes.
        #[repr(i8)]
        enum Side {
            /// For money.
            Buy,
            Sell = 7,
            #[message(rename = "none")]
            r#Neither,
        }
    }
    data_enum {
        #[repr(u8)]
        enum Command {
            Halt,
            Move { speed: f64, side: Side },
            Turn(#[message(range = 0..=359, unit = "deg")] u16) = 7,
        }
    }
    generic_data_enum_with_payload {
        #[repr(C, u16)]
        enum Either<L, R, const N: usize>
        where
            L: Copy,
        {
            Neither,
            Left(L),
            Rights([R; N]),
        }
    }
    union_by_promise {
        #[repr(C)]
        #[message(unsafe_any_bits)]
        union Word {
            whole: u32,
            halves: [u16; 2],
        }
    }
    every_attribute {
        #[repr(C)]
        #[message(
            crate = "transport::bus", name = "Sample", version = 4, invariant = Reading::in_order,
            deny_padding, bytemuck(NoUninit, CheckedBitPattern)
        )]
        pub struct Reading {
            #[message(unit = "m/s", range = -10.0..=10.0)]
            pub speed: f32,
            #[message(range = 1..)]
            counts: [u16; 2],
            #[message(rename = "even", invariant = is_even)]
            number: u32,
            #[message(since = 2, default = 2.5)]
            gain: f32,
            #[message(since = 4)]
            flags: Flags,
        }
    }
    bytemuck_of_any_bits {
        #[repr(C)]
        #[message(bytemuck(Zeroable, AnyBitPattern), no_tokens)]
        struct Point {
            x: f32,
            y: f32,
        }
    }
    refused {
        #[repr(C)]
        struct Order {
            name: String,
            price: f64,
        }
    }
    refused_without_a_stand_in {
        #[repr(C)]
        struct Borrowed<'a> {
            name: &'a str,
        }
    }
}

/// Holds what the derive makes of `input` against the file of `shape`.
fn compare(shape: &str, input: TokenStream) {
    compare_expansion(shape, derive(&syn::parse2(input).expect("the shape is a type")));
}

/// Holds an expansion against the file of `shape`.
fn compare_expansion(shape: &str, expanded: TokenStream) {
    let file = syn::parse2(expanded).expect("the expansion is a list of items");
    let found = prettyplease::unparse(&file);
    let path = folder().join(shape).with_extension("rs");
    if env::var_os("BUS_GOLDEN").is_some_and(|value| value == "overwrite") {
        return fs::write(&path, found).expect("writing a golden file");
    }
    let accepted = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == accepted,
        "the expansion of `{shape}` is not that of tests/golden/{shape}.rs (- accepted, + found):\n\n{}\n\
         If it should be so, accept it with `BUS_GOLDEN=overwrite cargo test -p bus-derive --lib golden`.",
        difference(&accepted, &found)
    );
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"))
}

/// The lines that were removed and added, with some around them.
fn difference(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    // `common[i][j]` is how many lines the rests from `i` and from `j` have in common, in order.
    let mut common = vec![vec![0_usize; after.len() + 1]; before.len() + 1];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            common[i][j] = match before[i] == after[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            lines.push((' ', before[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == after.len() || i < before.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', before[i]));
            i += 1;
        } else {
            lines.push(('+', after[j]));
            j += 1;
        }
    }
    let near_a_change = |index: usize| {
        let around = index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(lines.len());
        lines[around].iter().any(|(mark, _)| *mark != ' ')
    };
    let mut text = String::new();
    for (index, (mark, line)) in lines.iter().enumerate() {
        if near_a_change(index) {
            writeln!(text, "{mark} {line}").expect("a string can be written to");
        } else if index > 0 && near_a_change(index - 1) {
            text.push_str("  …\n");
        }
    }
    text
}

/// An interface with a member of each kind.
#[test]
fn interface() {
    let input = quote! {
        /// Keeps rooms warm.
        pub trait Thermostat {
            /// What was measured.
            #[topic(unit = "°C")]
            const TEMPERATURE: Topic<f64>;
            /// What is wanted.
            #[poke]
            fn setpoint(&mut self, value: &f64, room: &Caller<'_>) -> Result<(), Refusal>;
            #[compute]
            fn mean(&self) -> f64;
            /// Stops.
            #[execute]
            fn halt(&mut self, minutes: u64, hard: bool) -> Result<Halted, Refusal>;
            #[execute]
            fn order(&mut self, order: &Order, reply: Reply<Filled>);
        }
    };
    compare_expansion("interface", crate::interface::interface(TokenStream::new(), input));
}

#[test]
fn a_difference_shows_the_lines_that_differ() {
    let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let after = "1\n2\n3\n4\n5\nsix\n7\n8\n9\n10\n";
    assert_eq!(difference(before, after), "  3\n  4\n  5\n- 6\n+ six\n  7\n  8\n  9\n+ 10\n");
    assert_eq!(difference("a\nb\nc\nd\ne\n", "x\na\nb\nc\nd\ne\n"), "+ x\n  a\n  b\n  c\n  …\n");
    assert_eq!(difference("same\n", "same\n"), "");
}
