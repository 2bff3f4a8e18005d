//! A constant for each field of a struct, by which it can be reached alone: `Quote::BID`.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, Member};

use super::bounds::bounded_generics;
use super::own;
use super::validate::validate_field;
use crate::model::{Field, Model, Shape};

/// The constants, unless the type has none. Of a type that was refused they are not `usable`, and only there.
pub(crate) fn tokens(model: &Model<'_>, usable: bool) -> TokenStream {
    let Shape::Struct(fields) = &model.shape else { return TokenStream::new() };
    if model.attributes.no_tokens.is_some() || fields.is_empty() {
        return TokenStream::new();
    }
    let (bus, ident) = (&model.crate_path, model.ident);
    let mut taken = HashSet::new();
    let constants = fields.iter().filter_map(|field| {
        let constant = constant(&field.member)?;
        // Of two fields that differ in case alone, the first has it.
        if !taken.insert(constant.to_string()) {
            return None;
        }
        let Field { name, member, r#type, visibility, .. } = field;
        let (bytes, check) = (own("bytes"), validate_field(model, field, "", quote!(0)));
        let check = match field.attributes.range.is_some() || field.attributes.invariant.is_some() {
            true if usable => quote! {
                ::core::option::Option::Some(|#bytes| { #check ::core::result::Result::Ok(()) })
            },
            _ => quote!(::core::option::Option::None),
        };
        let docs = format!(" The field `{name}`, to be read or written alone.");
        Some(quote! {
            #[doc = #docs]
            #[allow(dead_code, non_upper_case_globals)]
            #visibility const #constant: #bus::message::Field<Self, #r#type> =
                unsafe { #bus::message::Field::new(#name, ::core::mem::offset_of!(Self, #member), #check) };
        })
    });
    let generics = bounded_generics(model);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #ident #type_generics #where_clause {
            #(#constants)*
        }
    }
}

/// The constants of the trait: one of their names would hide them, so that `Quote::TYPE` were no description.
const OF_THE_TRAIT: [&str; 4] = ["TYPE", "FINGERPRINT", "ANY_BITS", "PADDING_FREE"];

/// The name of a field's constant.
fn constant(member: &Member) -> Option<Ident> {
    match member {
        Member::Named(ident) => {
            let mut name = ident.unraw().to_string().to_uppercase();
            if OF_THE_TRAIT.contains(&name.as_str()) {
                name.insert_str(0, "FIELD_");
            }
            syn::parse_str::<Ident>(&name).ok().map(|mut constant| {
                constant.set_span(Span::call_site().located_at(ident.span()));
                constant
            })
        }
        Member::Unnamed(index) => Some(format_ident!("FIELD_{}", index.index)),
    }
}
