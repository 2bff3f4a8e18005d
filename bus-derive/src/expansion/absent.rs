//! `write_absent`: what fields of later versions have where a message comes from an earlier one.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use syn::Ident;

use super::bounds::{bounded_generics, is_primitive};
use super::own;
use crate::model::{Field, Model, Shape};

/// The function, or nothing where the trait's own will do.
pub(super) fn absent(model: &Model<'_>) -> TokenStream {
    let Shape::Struct(fields) = &model.shape else { return TokenStream::new() };
    let writes: Vec<TokenStream> =
        fields.iter().enumerate().filter_map(|(index, field)| write(model, index, field)).collect();
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

/// The function that makes the default of field number `index`.
fn default_of(index: usize) -> Ident {
    own(format_args!("default_of_{index}"))
}

/// The functions that make the defaults.
pub(super) fn defaults(model: &Model<'_>) -> TokenStream {
    let Shape::Struct(fields) = &model.shape else { return TokenStream::new() };
    let functions = fields.iter().enumerate().filter_map(|(index, field)| {
        let (name, r#type, default) = (default_of(index), field.r#type, field.attributes.default.as_ref()?);
        Some(quote!(fn #name() -> #r#type { #default }))
    });
    let functions: Vec<TokenStream> = functions.collect();
    if functions.is_empty() {
        return TokenStream::new();
    }
    let ident = model.ident;
    let generics = bounded_generics(model);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote!(impl #impl_generics #ident #type_generics #where_clause { #(#functions)* })
}

fn write(model: &Model<'_>, index: usize, field: &Field<'_>) -> Option<TokenStream> {
    let (bus, out) = (&model.crate_path, own("out"));
    let Field { member, r#type, attributes, .. } = field;
    let offset = quote!(::core::mem::offset_of!(Self, #member));
    // SAFETY: (of the expansion) The field lies at its offset inside the type, for all of which the caller of
    // `write_absent` vouches.
    match (attributes.since, &attributes.default) {
        (None, _) if is_primitive(r#type) => None,
        (None, _) => Some(quote! {
            unsafe { <#r#type as #bus::message::Message>::write_absent(#out.add(#offset)) };
        }),
        // In a function of its own: there a `return` leaves out no other field, and what is unsafe has to say so.
        (Some(_), Some(_)) => {
            let default = default_of(index);
            Some(quote! {
                unsafe { #bus::message::__private::write_field(&Self::#default(), #out, #offset) };
            })
        }
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
