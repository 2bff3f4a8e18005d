//! Where the parts of an enum lie.
//!
//! The language defines an enum with a primitive representation as C structs and unions
//! (<https://doc.rust-lang.org/reference/type-layout.html#primitive-representation-of-enums-with-fields>), but
//! `offset_of!` does not yet reach into variants. So the definition is written out, next to the implementation,
//! and the offsets are taken from that:
//!
//! ```text
//! #[repr(u8)]                    #[repr(C)] struct Variant0 { tag: u8, field_0: u32 }
//! enum Command {                 #[repr(C)] struct Variant1 { tag: u8 }
//!     Move(u32),                 const DISCRIMINANT_0: u8 = 0;
//!     Halt,                      const DISCRIMINANT_1: u8 = DISCRIMINANT_0 + 1;
//! }
//!
//! #[repr(C, u8)]                 #[repr(C)] struct Variant0 { field_0: u32 }
//! enum Command { … }             #[repr(C)] struct Variant1 { }
//!                                #[repr(C)] union Payload { variant_0: ManuallyDrop<Variant0>, … }
//!                                #[repr(C)] struct Whole { tag: u8, payload: Payload }
//! ```
//!
//! Each has the enum's generics, and where these have types, a marker that uses them. The names begin with more
//! underscores than any identifier of the definition, so that they hide none that it uses; and what can be compared
//! with the compiler's own layout is ([`proof`]).

use core::fmt::Display;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};

use crate::model::{Model, Variant};

/// The integer that the enum begins with.
pub(super) fn tag<'a>(model: &'a Model<'_>) -> &'a Ident {
    model.attributes.repr.integer.as_ref().expect("the checks leave enums with an integer")
}

/// The constant with the tag of variant number `index`.
pub(super) fn discriminant(model: &Model<'_>, index: usize) -> Ident {
    item(model, format_args!("DISCRIMINANT_{index}"))
}

/// The name of an item, which begins as no identifier of the definition does.
fn item(model: &Model<'_>, name: impl Display) -> Ident {
    format_ident!("{}{name}", model.prefix, span = Span::mixed_site())
}

/// What the compiler has to agree with: that the enum is as large as what is written out here, and its tags, where it
/// tells them.
pub(super) fn proof(model: &Model<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let bus = &model.crate_path;
    if variants.iter().all(|variant| variant.fields.is_empty()) {
        let tag = tag(model);
        let tags = variants.iter().enumerate().map(|(index, Variant { ident, .. })| {
            let discriminant = discriminant(model, index);
            quote!(::core::assert!(Self::#ident {} as ::core::primitive::#tag == #discriminant);)
        });
        // Variants without data may have parentheses or braces, and then there is no cast.
        let castable = variants.iter().all(|variant| variant.is_unit);
        return if castable { quote!(#(#tags)*) } else { TokenStream::new() };
    }
    let (_, type_generics, _) = model.generics.split_for_impl();
    let parts: Vec<Ident> = match has_payload(model) {
        true => vec![item(model, "Whole")],
        false => (0..variants.len()).map(|index| variant(model, index)).collect(),
    };
    let discriminants = (0..variants.len()).map(|index| discriminant(model, index));
    quote! {
        #bus::message::__private::assert_enum::<Self>(
            &[#((
                ::core::mem::size_of::<#parts #type_generics>(), ::core::mem::align_of::<#parts #type_generics>(),
            )),*],
            &[#(#discriminants as ::core::primitive::i128),*],
        );
    }
}

/// The struct with the fields of variant number `index`.
fn variant(model: &Model<'_>, index: usize) -> Ident {
    item(model, format_args!("Variant{index}"))
}

/// Where field number `field` of variant number `variant` lies in the enum.
pub(super) fn offset(model: &Model<'_>, variant: usize, field: usize) -> TokenStream {
    let (_, type_generics, _) = model.generics.split_for_impl();
    let (name, whole) = (self::variant(model, variant), item(model, "Whole"));
    let field = format_ident!("field_{field}");
    let within = quote!(::core::mem::offset_of!(#name #type_generics, #field));
    match has_payload(model) {
        true => quote!(::core::mem::offset_of!(#whole #type_generics, payload) + #within),
        false => within,
    }
}

/// Whether the fields of the variants lie in a union behind the tag, instead of each behind its own.
fn has_payload(model: &Model<'_>) -> bool {
    model.attributes.repr.c.is_some()
}

/// The items that the other functions refer to.
pub(super) fn layout(model: &Model<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let tag = tag(model);
    let tag = quote!(::core::primitive::#tag);
    let discriminants = variants.iter().enumerate().map(|(index, variant)| {
        let name = discriminant(model, index);
        let value = match (variant.discriminant, index) {
            (Some(given), _) => without_self(model, given),
            (None, 0) => quote!(0),
            (None, _) => {
                let before = discriminant(model, index - 1);
                quote!(#before + 1)
            }
        };
        quote!(const #name: #tag = #value;)
    });
    if variants.iter().all(|variant| variant.fields.is_empty()) {
        return quote!(#(#discriminants)*);
    }
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    let (impl_generics, where_clause) =
        (without_self(model, impl_generics), without_self(model, where_clause));
    let mut parameters = model.generics.type_params().map(|parameter| &parameter.ident).peekable();
    let marker = parameters
        .peek()
        .is_some()
        .then(|| quote!(marker: ::core::marker::PhantomData<(#(fn() -> #parameters,)*)>));
    let structs = variants.iter().enumerate().map(|(index, variant)| {
        let name = self::variant(model, index);
        let fields = variant.fields.iter().enumerate().map(|(index, field)| {
            let (name, r#type) = (format_ident!("field_{index}"), without_self(model, field.r#type));
            quote!(#name: #r#type,)
        });
        let tag = if has_payload(model) { None } else { Some(quote!(tag: #tag,)) };
        quote! {
            #[repr(C)]
            #[allow(dead_code)]
            struct #name #impl_generics #where_clause { #tag #(#fields)* #marker }
        }
    });
    let (union, whole) = (item(model, "Payload"), item(model, "Whole"));
    let payload = has_payload(model).then(|| {
        let members = (0..variants.len()).map(|index| {
            let (member, name) = (format_ident!("variant_{index}"), self::variant(model, index));
            quote!(#member: ::core::mem::ManuallyDrop<#name #type_generics>,)
        });
        quote! {
            #[repr(C)]
            #[allow(dead_code)]
            union #union #impl_generics #where_clause { #(#members)* }
            #[repr(C)]
            #[allow(dead_code)]
            struct #whole #impl_generics #where_clause { tag: #tag, payload: #union #type_generics }
        }
    });
    quote!(#(#discriminants)* #(#structs)* #payload)
}

/// The tokens, with `Self` written out: in the items here it would be another.
fn without_self(model: &Model<'_>, tokens: impl ToTokens) -> TokenStream {
    let (_, type_generics, _) = model.generics.split_for_impl();
    let (ident, turbofish) = (model.ident, type_generics.as_turbofish());
    replace_self(tokens.to_token_stream(), &quote!(#ident #turbofish))
}

fn replace_self(tokens: TokenStream, by: &TokenStream) -> TokenStream {
    let replace = |token: TokenTree| match token {
        TokenTree::Ident(ident) if ident == "Self" => by.clone(),
        TokenTree::Group(group) => {
            let mut replaced = proc_macro2::Group::new(group.delimiter(), replace_self(group.stream(), by));
            replaced.set_span(group.span());
            TokenTree::Group(replaced).into()
        }
        other => other.into(),
    };
    tokens.into_iter().map(replace).collect::<Vec<TokenStream>>().into_iter().collect()
}
