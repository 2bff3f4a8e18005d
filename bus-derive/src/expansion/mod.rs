//! Stage four: the implementation.
//!
//! What is generated for `#[repr(C)] struct Quote { bid: f64, side: Side }`, with the paths shortened:
//!
//! ```text
//! const _: () = {
//!     trait MessagesCannotImplementDrop {}
//!     impl<T: Drop + ?Sized> MessagesCannotImplementDrop for T {}
//!     impl MessagesCannotImplementDrop for Quote {}              // conflicts if `Quote: Drop`
//!
//!     unsafe impl Message for Quote where Side: Message {
//!         const TYPE: &'static TypeDescriptor = &TypeDescriptor::structure::<Self>(
//!             Declaration::new(Name::hashed("Quote", 0x…)).with_docs("…"),
//!             const { &[FieldDescriptor::of::<f64>(Name::hashed("bid", 0x…), offset_of!(Self, bid), "…"), …] },
//!         );
//!         unsafe fn write_fields(&self, out: *mut u8) {
//!             if Self::PADDING_FREE { return unsafe { write_whole(self, out) }; }
//!             let Self { bid: field_0, side: field_1 } = self;
//!             unsafe {
//!                 write_primitive::<f64>(&raw const *field_0, out, offset_of!(Self, bid));
//!                 write_field(field_1, out, offset_of!(Self, side));
//!             }
//!         }
//!         unsafe fn write_absent(out: *mut u8) { … }
//!         fn validate(bytes: &[u8]) -> Result<(), Invalid> {
//!             if !Self::ANY_BITS { validate_field::<Side>(bytes, offset_of!(Self, side), "side")?; }
//!             Ok(())
//!         }
//!     }
//!     impl Quote { const BID: Field<Self, f64> = …; … }
//! };
//! ```
//!
//! Why this is sound: the checks left only types whose layout is fixed, and `offset_of!` tells it; each field
//! is a message by the `where` clause, and so owns, points to and changes nothing; the patterns in
//! `write_fields` name every field there is, whatever another macro did to the type; and the type itself has
//! no `Drop`. Where the fields of a variant lie, `enums` says.
//!
//! The `where` clause names the type of each field that is not certainly a message. It makes a type that is
//! none into one error, at the field, instead of one for each use in the bodies.
//!
//! Nothing here relies on what is in scope where it lands: every path is absolute, primitives included. Nor
//! does it stand in the way of what the user writes: what is named here is [`own`].

mod absent;
mod bounds;
mod bridges;
mod command;
mod describe;
mod enums;
mod tokens;
mod validate;
mod write;

pub(crate) use bounds::{bounded_generics, is_primitive};
pub(crate) use command::command;
pub(crate) use tokens::tokens;

use core::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;

use crate::model::{Model, Shape};

/// The implementation for a model that passed the checks.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let (bus, ident) = (&model.crate_path, model.ident);
    let layout = match &model.shape {
        Shape::Enum(variants) => enums::layout(model, variants),
        Shape::Struct(_) | Shape::Union(_) => TokenStream::new(),
    };
    let (described, write, absent, validate) =
        (describe::describe(model), write::write(model), absent::absent(model), validate::validate(model));
    let (cannot_drop, tokens, bridges) = (cannot_drop(model), tokens(model, true), bridges::bridges(model));
    let (defaults, command) = (absent::defaults(model), command(model));
    let (out, bytes) = (own("out"), own("bytes"));
    let mut generics = bounded_generics(model);
    bounds::require_messages(model, &mut generics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[allow(
            deprecated, drop_bounds, trivial_bounds, non_camel_case_types, unreachable_code, clippy::all
        )]
        const _: () = {
            #cannot_drop
            #layout

            #[automatically_derived]
            unsafe impl #impl_generics #bus::message::Message for #ident #type_generics #where_clause {
                const TYPE: &'static #bus::message::TypeDescriptor = &#described;

                #[inline]
                unsafe fn write_fields(&self, #out: *mut ::core::primitive::u8) {
                    #write
                }

                #absent

                #[inline]
                fn validate(
                    #bytes: &[::core::primitive::u8],
                ) -> ::core::result::Result<(), #bus::message::Invalid> {
                    #validate
                }
            }

            #defaults
            #tokens
            #bridges
            #command
        };
    }
}

/// Two implementations that conflict if the type has a `Drop`.
fn cannot_drop(model: &Model<'_>) -> TokenStream {
    let ident = model.ident;
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    // Errors point to the type's name, and lints still know that the user did not write this.
    let span = Span::call_site().located_at(ident.span());
    let refusal = quote_spanned! {span=>
        impl #impl_generics MessagesCannotImplementDrop for #ident #type_generics #where_clause {}
    };
    quote! {
        trait MessagesCannotImplementDrop {}
        impl<T: ::core::ops::Drop + ?::core::marker::Sized> MessagesCannotImplementDrop for T {}
        #refusal
    }
}

/// The name of a variable or an item of the expansion.
///
/// The user's expressions do not see a variable of this name, since it is hygienic. Nothing else is: a pattern
/// means the user's constant where there is one of its name, and an item hides what the user calls so. Hence
/// the underscores.
fn own(name: impl Display) -> Ident {
    format_ident!("__{}", name.to_string(), span = Span::mixed_site())
}

/// The variable that field number `index` is bound to.
fn binding(index: usize) -> Ident {
    own(format_args!("field_{index}"))
}
