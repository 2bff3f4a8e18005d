//! `validate`: whether bytes are a value.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;
use syn::{Expr, Ident};

use super::bounds::{self, respanned};
use super::describe::ends;
use super::{enums, own};
use crate::model::{Field, Model, Shape, Variant};

/// The body of `validate`.
pub(super) fn validate(model: &Model<'_>) -> TokenStream {
    let (bus, bytes, found) = (&model.crate_path, own("bytes"), own("found"));
    let parts = match &model.shape {
        Shape::Union(_) => return quote!(::core::result::Result::Ok(())),
        Shape::Struct(fields) => {
            let fields = fields.iter().map(|field| {
                let member = &field.member;
                validate_field(model, field, &field.name, quote!(::core::mem::offset_of!(Self, #member)))
            });
            quote!(#(#fields)*)
        }
        Shape::Enum(variants) => {
            let tag = enums::tag(model);
            let arms = variants.iter().enumerate().map(|(number, variant)| {
                let tag = enums::discriminant(model, number);
                let fields = variant.fields.iter().enumerate().map(|(index, field)| {
                    let path = format!("{}.{}", variant.name, field.name);
                    validate_field(model, field, &path, enums::offset(model, number, index))
                });
                quote!(#tag => { #(#fields)* })
            });
            let received = received(variants);
            quote! {
                #received
                match ::core::primitive::#tag::from_ne_bytes(#bus::message::__private::head(#bytes)) {
                    #(#arms)*
                    #found => {
                        return ::core::result::Result::Err(
                            #bus::message::Invalid::variant::<Self>(#found as ::core::primitive::i128),
                        );
                    }
                }
            }
        }
    };
    let invariant = model.attributes.invariant.as_ref().map(|function| {
        let text = text_of(function);
        let check = at(function, quote!(#bus::message::__private::check_invariant::<Self, _>));
        // SAFETY: (of the expansion) The parts were validated just before, so the bytes are a value but for
        // what this function says.
        let asked = asked(function);
        quote! {
            let #asked = #function;
            unsafe { #check(#bytes, #asked, #text) }?;
        }
    });
    let checks = quote!(#parts #invariant);
    let checks =
        (!checks.is_empty()).then(|| quote!(if !<Self as #bus::message::Message>::ANY_BITS { #checks }));
    quote!(#checks ::core::result::Result::Ok(()))
}

/// Code that is not called, and names each variant as one that is made: a variant may only ever be received, and the
/// compiler does not see that.
fn received(variants: &[Variant<'_>]) -> TokenStream {
    let arms = variants.iter().enumerate().map(|(number, Variant { ident, fields, .. })| {
        let members = fields.iter().map(|field| &field.member);
        quote!(#number => Self::#ident { #(#members: ::core::unreachable!(),)* },)
    });
    let number = own("number");
    quote! {
        let _ = |#number: ::core::primitive::usize| match #number { #(#arms)* _ => ::core::unreachable!() };
    }
}

pub(super) fn validate_field(
    model: &Model<'_>,
    field: &Field<'_>,
    path: &str,
    offset: TokenStream,
) -> TokenStream {
    let (bus, bytes) = (&model.crate_path, own("bytes"));
    let r#type = field.r#type;
    let mut checks = match bounds::is_number(r#type) {
        true => TokenStream::new(),
        false => quote! {
            #bus::message::__private::validate_field::<#r#type>(#bytes, #offset, #path)?;
        },
    };
    if let Some((range, number)) = field.range() {
        let [low, high] = ends(range, number);
        let number = format_ident!("{number}");
        checks.extend(quote! {
            #bus::message::__private::check_range::<#r#type, ::core::primitive::#number>(
                #bytes, #offset, const #low, const #high, #path,
            )?;
        });
    }
    if let Some(function) = &field.attributes.invariant {
        let text = text_of(function);
        let check = at(function, quote!(#bus::message::__private::check_field_invariant::<));
        let rest = at(function, quote!(, _>));
        // SAFETY: (of the expansion) The field was validated just before, or is a number; see `bounds::primitive`.
        let asked = asked(function);
        checks.extend(quote! {
            let #asked = #function;
            unsafe { #check #r#type #rest(#bytes, #offset, #asked, #text, #path) }?;
        });
    }
    checks
}

/// The variable for the function, at its place.
fn asked(function: &Expr) -> Ident {
    let mut asked = own("asked");
    asked.set_span(asked.span().located_at(function.span()));
    asked
}

/// The tokens at the place of the function, where errors belong that are about what it takes and returns.
fn at(function: &Expr, tokens: TokenStream) -> TokenStream {
    respanned(tokens, Span::call_site().located_at(function.span()))
}

/// A path as a person writes it.
fn text_of(function: &Expr) -> String {
    let words = function.to_token_stream().to_string();
    // Only the `as` of `<Type as Trait>::function` has spaces around it.
    words.split(" as ").map(|part| part.replace(' ', "")).collect::<Vec<_>>().join(" as ")
}
