//! `write_fields`: a value without its padding.

use proc_macro2::TokenStream;
use quote::quote;

use super::{binding, bounds, enums, own};
use crate::model::{Field, Model, Shape};

/// The body of `write_fields`.
pub(super) fn write(model: &Model<'_>) -> TokenStream {
    let (bus, out) = (&model.crate_path, own("out"));
    // SAFETY: (of the expansion) Without padding the type may be written whole: so may a union, by the promise
    // of its author. Else each field, of which the patterns forget none, is written at its offset. The caller
    // of `write_fields` vouches for `out`.
    let whole = quote!(unsafe { #bus::message::__private::write_whole(self, #out) });
    let by_fields = match &model.shape {
        Shape::Union(_) => return whole,
        Shape::Struct(fields) if fields.is_empty() => quote!(let Self {} = self;),
        Shape::Struct(fields) => {
            let pattern = pattern(fields);
            let fields = fields.iter().enumerate().map(|(index, field)| {
                let member = &field.member;
                write_field(model, field, index, quote!(::core::mem::offset_of!(Self, #member)))
            });
            quote! {
                let Self #pattern = self;
                unsafe { #(#fields)* }
            }
        }
        Shape::Enum(variants) => {
            let arms = variants.iter().enumerate().map(|(number, variant)| {
                let (ident, pattern) = (variant.ident, pattern(&variant.fields));
                let tag = enums::discriminant(model, number);
                let fields = variant.fields.iter().enumerate().map(|(index, field)| {
                    write_field(model, field, index, enums::offset(model, number, index))
                });
                quote! {
                    Self::#ident #pattern => unsafe {
                        #bus::message::__private::write_field(&#tag, #out, 0);
                        #(#fields)*
                    },
                }
            });
            quote!(match self { #(#arms)* })
        }
    };
    quote! {
        if <Self as #bus::message::Message>::PADDING_FREE {
            return #whole;
        }
        #by_fields
    }
}

/// Writes the field that is bound as number `index`.
fn write_field(model: &Model<'_>, field: &Field<'_>, index: usize, offset: TokenStream) -> TokenStream {
    let (bus, out, binding) = (&model.crate_path, own("out"), binding(index));
    match bounds::primitive(field.r#type) {
        // What is written as a primitive must be it; `bounds` says why. A reference might be coerced.
        Some((_, name)) => quote! {
            #bus::message::__private::write_primitive::<#name>(&raw const *#binding, #out, #offset);
        },
        None => quote!(#bus::message::__private::write_field(#binding, #out, #offset);),
    }
}

/// Binds each field.
fn pattern(fields: &[Field<'_>]) -> TokenStream {
    let members = fields.iter().map(|field| &field.member);
    let bindings = (0..fields.len()).map(binding);
    quote!({ #(#members: #bindings,)* })
}
