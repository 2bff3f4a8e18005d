//! What holds of the type as a whole, asked for by an attribute: the traits of bytemuck, and no padding.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;

use super::bounds::respanned;
use super::own;
use crate::model::{Model, Shape};

/// The implementations and the proofs.
pub(super) fn bridges(model: &Model<'_>) -> TokenStream {
    let (bus, ident) = (&model.crate_path, model.ident);
    let (bits_type, bits) = (own("Bits"), own("bits"));
    let traits = model.attributes.bytemuck.iter().flatten().map(|name| {
        let holds = match name.to_string().as_str() {
            "NoUninit" => quote!(const _: () = #bus::message::__private::assert_no_uninit::<#ident>();),
            "CheckedBitPattern" => TokenStream::new(),
            _ => quote!(const _: () = #bus::message::__private::assert_any_bits::<#ident>();),
        };
        let holds = respanned(holds, name.span());
        let body = (name == "CheckedBitPattern").then(|| {
            quote! {
                type Bits = #bits_type;

                #[inline]
                fn is_valid_bit_pattern(#bits: &#bits_type) -> ::core::primitive::bool {
                    <#ident as #bus::message::Message>::validate(&#bits.bytes).is_ok()
                }
            }
        });
        let definition = (name == "CheckedBitPattern").then(|| {
            // SAFETY: (of the expansion) Bytes, and an array of none that gives them the alignment.
            quote! {
                #[doc(hidden)]
                #[derive(::core::clone::Clone, ::core::marker::Copy)]
                #[repr(C)]
                pub struct #bits_type {
                    align: [#ident; 0],
                    bytes: [::core::primitive::u8; ::core::mem::size_of::<#ident>()],
                }
                unsafe impl #bus::message::__private::bytemuck::Zeroable for #bits_type {}
                unsafe impl #bus::message::__private::bytemuck::AnyBitPattern for #bits_type {}
            }
        });
        // SAFETY: (of the expansion) What each trait asks for is asserted, or is what `validate` promises.
        quote! {
            #definition
            #holds
            #[automatically_derived]
            unsafe impl #bus::message::__private::bytemuck::#name for #ident { #body }
        }
    });
    let traits = quote!(#(#traits)*);
    // What only the compiler can find wrong, it finds when it evaluates the description: of a type without
    // parameters at once, and of a generic one when it is used with arguments.
    let span = match &model.shape {
        _ if !model.generics.params.is_empty() => None,
        Shape::Union(_) => Some(ident.span()),
        _ => model
            .attributes
            .deny_padding
            .or_else(|| model.fields().find_map(|field| Some(field.attributes.range.as_ref()?.span()))),
    };
    let evaluated = span.map(|span| {
        let evaluated = quote! {
            const _: &#bus::message::TypeDescriptor = <#ident as #bus::message::Message>::TYPE;
        };
        respanned(evaluated, span)
    });
    quote!(#traits #evaluated)
}
