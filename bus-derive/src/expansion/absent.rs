//! `write_absent`: what fields of later versions have where a message comes from an earlier one.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::bounds::is_primitive;
use super::own;
use crate::model::{Field, Model, Shape};

/// The function, or nothing where the trait's own will do.
pub(super) fn absent(model: &Model<'_>) -> TokenStream {
    let Shape::Struct(fields) = &model.shape else { return TokenStream::new() };
    let writes: Vec<TokenStream> = fields.iter().filter_map(|field| write(model, field)).collect();
    if writes.is_empty() {
        return TokenStream::new();
    }
    let out = own("out");
    quote! {
        unsafe fn write_absent(#out: *mut ::core::primitive::u8) {
            #(#writes)*
        }
    }
}

fn write(model: &Model<'_>, field: &Field<'_>) -> Option<TokenStream> {
    let (bus, out, variable) = (&model.crate_path, own("out"), own("default"));
    let Field { member, r#type, attributes, .. } = field;
    let offset = quote!(::core::mem::offset_of!(Self, #member));
    // SAFETY: (of the expansion) The field lies at its offset inside the type, for all of which the caller of
    // `write_absent` vouches.
    match (attributes.since, &attributes.default) {
        (None, _) if is_primitive(r#type) => None,
        (None, _) => Some(quote! {
            unsafe { <#r#type as #bus::message::Message>::write_absent(#out.add(#offset)) };
        }),
        // In a closure, so that a `return` in it does not leave out the fields that follow.
        (Some(_), Some(default)) => Some(quote! {
            {
                let #variable: #r#type = (|| -> #r#type { #default })();
                unsafe { #bus::message::__private::write_field(&#variable, #out, #offset) };
            }
        }),
        (Some(since), None) => {
            let default = quote_spanned! {since.span=>
                #bus::message::__private::default_of_absent::<#r#type>()
            };
            Some(quote! {
                unsafe { #bus::message::__private::write_field(&#default, #out, #offset) };
            })
        }
    }
}
