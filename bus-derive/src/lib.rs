//! The derive macro of the `bus` crate; use it as `bus::Message`.
//!
//! `#[derive(Message)]` proves that a type can be placed in memory that other processes read, and describes
//! it. The work goes through four stages, each a file:
//!
//! ```text
//! attributes    what stands in #[repr], #[message] and the documentation
//! model         what the type is: its name, its fields or variants, each with its attributes
//! checks        what cannot be in shared memory, and what to use instead (refusals: type by type)
//! expansion     the implementation; or, after an error, a stand-in for it (fallback)
//! ```
//!
//! No stage stops at its first error. All are collected and reported at once, each at the place it is about,
//! and the type still gets an implementation, so that the only errors a user sees are those that are his to
//! mend.
//!
//! What syntax cannot show, the compiler proves about the expansion: that each field's type is a message, and
//! that the type does not implement `Drop`.

mod attributes;
mod checks;
mod errors;
mod expansion;
mod fallback;
mod field_checks;
#[cfg(test)]
mod golden_tests;
mod model;
mod refusals;

use errors::Errors;
use model::Model;
use proc_macro::TokenStream;
use proc_macro2::TokenStream as TokenStream2;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

/// Implements `bus::Message`, for a type that can be placed in shared memory.
///
/// For structs with `#[repr(C)]` or `#[repr(transparent)]`, generic or not, whose fields are messages; and
/// for enums with `#[repr(u8)]` to `#[repr(u64)]` or `#[repr(i8)]` to `#[repr(i64)]` whose variants hold no
/// data. Anything else is refused, with an error that says what to use instead. Each type parameter must be a
/// message.
///
/// ```
/// use bus::Message;
///
/// /// Which way an order goes.
/// #[derive(Message)]
/// #[repr(u8)]
/// enum Side {
///     Buy,
///     Sell,
/// }
///
/// #[derive(Message)]
/// #[repr(C)]
/// struct Order {
///     /// In ticks.
///     price: i64,
///     side: Side,
/// }
///
/// let mut bytes = [0; size_of::<Order>()];
/// bytes[8] = 2;
/// let error = Order::validate(&bytes).unwrap_err();
/// assert_eq!(error.to_string(), "`side`: found 2, expected one of 0, 1 (enum `Side`)");
/// ```
///
/// # Attributes
///
/// `#[message(crate = "path::to::bus")]` on the type names the `bus` crate, where it is not `::bus`: because
/// the dependency was renamed, or because it is reached through another crate.
#[proc_macro_derive(Message, attributes(message))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// The four stages.
fn derive(input: &DeriveInput) -> TokenStream2 {
    let mut errors = Errors::default();
    let model = Model::of(input, &mut errors);
    checks::check(&model, &mut errors);
    match errors.into_compile_errors() {
        None => expansion::expand(&model),
        Some(compile_errors) => {
            let stand_in = fallback::expand(&model);
            quote!(#compile_errors #stand_in)
        }
    }
}
