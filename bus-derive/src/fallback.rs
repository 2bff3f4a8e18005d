//! Stage four, after an error: an implementation that stands in for the real one.
//!
//! Without it, every use of the type as a message would be an error of its own, and bury the one that
//! matters. The program does not compile, so nothing here ever runs; it only has to be well-typed, which it
//! is not for a type that lacks the supertraits of `Message`: such a type gets none.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use crate::expansion::{bounded_generics, command, tokens};
use crate::model::Model;
use crate::refusals;

/// The stand-in, or nothing.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    if !can_meet_supertraits(model) {
        return TokenStream::new();
    }
    let (bus, ident, name) = (&model.crate_path, model.ident, &model.name);
    let (generics, tokens, command) = (bounded_generics(model), tokens(model, false), command(model));
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        unsafe impl #impl_generics #bus::message::Message for #ident #type_generics #where_clause {
            const TYPE: &'static #bus::message::TypeDescriptor = &#bus::message::TypeDescriptor::structure::<Self>(
                #bus::message::Declaration::new(#bus::message::Name::new(#name)), &[],
            );

            unsafe fn write_fields(&self, _: *mut ::core::primitive::u8) {
                ::core::unreachable!()
            }

            fn validate(_: &[::core::primitive::u8]) -> ::core::result::Result<(), #bus::message::Invalid> {
                ::core::unreachable!()
            }
        }

        #tokens
        #command
    }
}

/// Whether the type may be `Sized`, `Send`, `Sync` and `'static`, as far as its syntax tells.
fn can_meet_supertraits(model: &Model<'_>) -> bool {
    let meets = |field: &Type| refusals::of(field).is_none_or(|refusal| refusal.meets_supertraits);
    model.generics.lifetimes().next().is_none() && model.fields().map(|field| field.r#type).all(meets)
}
