//! That a message is a command, and what it is answered by.

use proc_macro2::TokenStream;
use quote::quote;

use super::bounds::{bounded_generics, require_messages};
use crate::model::Model;

/// The implementation of `Command`, or nothing.
pub(crate) fn command(model: &Model<'_>) -> TokenStream {
    let Some(reply) = &model.attributes.reply else { return TokenStream::new() };
    let (bus, ident) = (&model.crate_path, model.ident);
    let mut generics = bounded_generics(model);
    require_messages(model, &mut generics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #bus::Command for #ident #type_generics #where_clause {
            type Reply = #reply;
        }
    }
}
