//! The descriptor.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{ExprRange, GenericParam, Path};

use super::{enums, own};
use crate::attributes::FieldAttributes;
use crate::model::{Field, Model, Shape, Variant};

/// The expression that describes the type.
pub(super) fn describe(model: &Model<'_>) -> TokenStream {
    let bus = &model.crate_path;
    let declaration = declaration(model);
    let described = match &model.shape {
        Shape::Struct(fields) => {
            let fields = describe_all(bus, fields, |_, field| {
                let member = &field.member;
                quote!(::core::mem::offset_of!(Self, #member))
            });
            quote!(#bus::message::TypeDescriptor::structure::<Self>(#declaration, #fields))
        }
        Shape::Union(fields) => {
            let fields = describe_all(bus, fields, |_, _| quote!(0));
            quote!(#bus::message::TypeDescriptor::overlay::<Self>(#declaration, #fields))
        }
        Shape::Enum(variants) => {
            let tag = enums::tag(model).to_string().to_uppercase();
            let tag = format_ident!("{tag}");
            let proof = enums::proof(model, variants);
            let variants =
                variants.iter().enumerate().map(|(index, variant)| describe_variant(model, index, variant));
            quote! {{
                #proof
                #bus::message::TypeDescriptor::enumeration::<Self>(
                    #declaration, #bus::message::Primitive::#tag, const { &[#(#variants),*] },
                )
            }}
        }
    };
    match model.attributes.deny_padding {
        Some(_) => quote!(#bus::message::__private::without_padding(#described)),
        None => described,
    }
}

fn declaration(model: &Model<'_>) -> TokenStream {
    let bus = &model.crate_path;
    let name = name(bus, &model.name);
    let mut declaration = quote!(#bus::message::Declaration::new(#name));
    let docs = &model.attributes.docs;
    if !docs.is_empty() {
        declaration.extend(quote!(.with_docs(#docs)));
    }
    let arguments: Vec<TokenStream> =
        model.generics.params.iter().filter_map(|parameter| argument(bus, parameter)).collect();
    if !arguments.is_empty() {
        declaration.extend(quote!(.with_arguments(const { &[#(#arguments),*] })));
    }
    let version = model.version();
    if version > 1 {
        declaration.extend(quote!(.with_version(#version)));
    }
    if model.attributes.invariant.is_some() {
        declaration.extend(quote!(.with_invariant()));
    }
    declaration
}

/// A generic argument as the descriptor has it.
fn argument(bus: &Path, parameter: &GenericParam) -> Option<TokenStream> {
    match parameter {
        GenericParam::Type(parameter) => {
            let ident = &parameter.ident;
            Some(quote!(#bus::message::Argument::of::<#ident>()))
        }
        GenericParam::Const(parameter) => {
            let ident = &parameter.ident;
            Some(quote!(#bus::message::Argument::Value(#ident as ::core::primitive::i128)))
        }
        _ => None,
    }
}

fn describe_variant(model: &Model<'_>, index: usize, variant: &Variant<'_>) -> TokenStream {
    let Variant { docs, fields, .. } = variant;
    let bus = &model.crate_path;
    let (name, value) = (name(bus, &variant.name), enums::discriminant(model, index));
    let fields = describe_all(bus, fields, |place, _| enums::offset(model, index, place));
    quote! {
        #bus::message::VariantDescriptor::new(#name, #value as ::core::primitive::i128, #docs, #fields)
    }
}

fn describe_all(
    bus: &Path,
    fields: &[Field<'_>],
    offset: impl Fn(usize, &Field<'_>) -> TokenStream,
) -> TokenStream {
    let fields =
        fields.iter().enumerate().map(|(index, field)| describe_field(bus, field, offset(index, field)));
    quote!(const { &[#(#fields),*] })
}

fn describe_field(bus: &Path, field: &Field<'_>, offset: TokenStream) -> TokenStream {
    let Field { r#type, attributes, .. } = field;
    let FieldAttributes { docs, unit, invariant, .. } = attributes;
    let field_name = name(bus, &field.name);
    let mut described = quote! {
        #bus::message::FieldDescriptor::of::<#r#type>(#field_name, #offset, #docs)
    };
    if let Some(unit) = unit {
        let unit = name(bus, &unit.value());
        described.extend(quote!(.with_unit(#unit)));
    }
    let since = field.since();
    if since > 1 {
        described.extend(quote!(.with_since(#since)));
    }
    if let Some((range, number)) = field.range() {
        let [low, high] = ends(range, number);
        let bounds = match number {
            "f32" | "f64" => quote! {
                #bus::message::Bounds::Float {
                    low: #low as ::core::primitive::f64, high: #high as ::core::primitive::f64,
                }
            },
            _ => quote! {
                #bus::message::Bounds::Integer {
                    low: #low as ::core::primitive::i128, high: #high as ::core::primitive::i128,
                }
            },
        };
        described.extend(quote!(.with_bounds(#bounds)));
    }
    if invariant.is_some() {
        described.extend(quote!(.with_invariant()));
    }
    described
}

/// The ends of a range as blocks of the number's type; an open one is where the type ends.
pub(super) fn ends(range: &ExprRange, number: &str) -> [TokenStream; 2] {
    let (number, variable) = (format_ident!("{number}"), own("end"));
    let number = quote!(::core::primitive::#number);
    let (least, most) = match number.to_string().contains('f') {
        true => (quote!(NEG_INFINITY), quote!(INFINITY)),
        false => (quote!(MIN), quote!(MAX)),
    };
    let end = |given: Option<&syn::Expr>, open: TokenStream| match given {
        Some(given) => quote!({
            let #variable: #number = #given;
            #variable
        }),
        None => quote!({ #number::#open }),
    };
    [end(range.start.as_deref(), least), end(range.end.as_deref(), most)]
}

/// A name with its hash.
fn name(bus: &Path, text: &str) -> TokenStream {
    let hash = fnv_1a_128(text);
    quote!(#bus::message::Name::hashed(#text, #hash))
}

/// As `hash_text` of the bus, which this crate cannot call: FNV-1a with 128 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>), as names enter fingerprints.
fn fnv_1a_128(text: &str) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    text.bytes().fold(OFFSET, |state, byte| (state ^ u128::from(byte)).wrapping_mul(PRIME))
}
