//! Stage two: what the type is, without the syntax around it.
//!
//! The model keeps what is wrong too, such as a union or a reference: the checks look at it next, and a model
//! that passed them is all that the expansion needs to know.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{
    Data, DeriveInput, Expr, ExprRange, Fields, Generics, Ident, LitStr, Member, Path, Type,
    Variant as SynVariant, Visibility, parse_quote,
};

use crate::attributes::{FieldAttributes, Number, TypeAttributes, VariantAttributes};
use crate::errors::Errors;

/// A type to derive `Message` for.
pub(crate) struct Model<'a> {
    pub(crate) ident: &'a Ident,
    /// The name that peers compare: the given one, or the identifier without `r#`.
    pub(crate) name: String,
    pub(crate) generics: &'a Generics,
    /// The path of the `bus` crate.
    pub(crate) crate_path: Path,
    pub(crate) attributes: TypeAttributes,
    pub(crate) shape: Shape<'a>,
    /// As many underscores as make a beginning that no identifier of the definition has.
    pub(crate) prefix: String,
}

/// What the type consists of.
pub(crate) enum Shape<'a> {
    Struct(Vec<Field<'a>>),
    Enum(Vec<Variant<'a>>),
    Union(Vec<Field<'a>>),
}

impl Shape<'_> {
    fn remove_docs(&mut self) {
        match self {
            Self::Struct(fields) | Self::Union(fields) => {
                fields.iter_mut().for_each(|field| field.attributes.docs.clear());
            }
            Self::Enum(variants) => {
                for variant in variants {
                    variant.docs.clear();
                    variant.fields.iter_mut().for_each(|field| field.attributes.docs.clear());
                }
            }
        }
    }
}

/// A field of a struct, a union or a variant.
pub(crate) struct Field<'a> {
    /// How the field is accessed: by its name or its number.
    pub(crate) member: Member,
    /// The name that peers compare: the given one, the name without `r#`, or the number.
    pub(crate) name: String,
    pub(crate) r#type: &'a Type,
    pub(crate) visibility: &'a Visibility,
    pub(crate) attributes: FieldAttributes,
}

/// A variant of an enum.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    /// The name that peers compare: the given one, or the identifier without `r#`.
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) discriminant: Option<&'a Expr>,
    /// Whether it is written without parentheses and braces.
    pub(crate) is_unit: bool,
    pub(crate) fields: Vec<Field<'a>>,
}

impl<'a> Model<'a> {
    /// Reads `input`; only attributes can be wrong in it so far.
    pub(crate) fn of(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        let mut attributes = TypeAttributes::read(&input.attrs, errors);
        let mut shape = match &input.data {
            Data::Struct(data) => Shape::Struct(Field::all(&data.fields, errors)),
            Data::Enum(data) => {
                Shape::Enum(data.variants.iter().map(|variant| Variant::of(variant, errors)).collect())
            }
            Data::Union(data) => Shape::Union(
                data.fields.named.iter().map(|field| Field::of(named_member(field), field, errors)).collect(),
            ),
        };
        if attributes.no_docs.is_some() {
            attributes.docs.clear();
            shape.remove_docs();
        }
        Self {
            ident: &input.ident,
            name: given_or(attributes.name.as_ref(), &input.ident),
            generics: &input.generics,
            crate_path: attributes.crate_path.clone().unwrap_or_else(|| parse_quote!(::bus)),
            attributes,
            shape,
            prefix: "_".repeat(underscores(input.to_token_stream()).max(1) + 1),
        }
    }

    /// All fields, wherever they are.
    pub(crate) fn fields(&self) -> Box<dyn Iterator<Item = &Field<'a>> + '_> {
        match &self.shape {
            Shape::Struct(fields) | Shape::Union(fields) => Box::new(fields.iter()),
            Shape::Enum(variants) => Box::new(variants.iter().flat_map(|variant| &variant.fields)),
        }
    }

    /// The version: the given one, or that of the newest field.
    pub(crate) fn version(&self) -> u32 {
        let newest = self.fields().map(Field::since).max().unwrap_or(1);
        self.attributes.version.map_or(newest, |version| version.value)
    }
}

impl<'a> Field<'a> {
    fn all(fields: &'a Fields, errors: &mut Errors) -> Vec<Self> {
        fields.members().zip(fields).map(|(member, field)| Self::of(member, field, errors)).collect()
    }

    fn of(member: Member, field: &'a syn::Field, errors: &mut Errors) -> Self {
        let attributes = FieldAttributes::read(&field.attrs, errors);
        let name = match (&attributes.rename, &member) {
            (given, Member::Named(ident)) => given_or(given.as_ref(), ident),
            (Some(given), Member::Unnamed(_)) => given.value(),
            (None, Member::Unnamed(index)) => index.index.to_string(),
        };
        Self { member, name, r#type: &field.ty, visibility: &field.vis, attributes }
    }

    /// The version of the type that had this field first.
    pub(crate) fn since(&self) -> u32 {
        self.attributes.since.map_or(1, |Number { value, .. }| value)
    }

    /// The range with the primitive that it is of.
    pub(crate) fn range(&self) -> Option<(&ExprRange, &'static str)> {
        Some((self.attributes.range.as_ref()?, number_in(self.r#type)?))
    }
}

impl<'a> Variant<'a> {
    fn of(variant: &'a SynVariant, errors: &mut Errors) -> Self {
        let VariantAttributes { docs, rename } = VariantAttributes::read(&variant.attrs, errors);
        Self {
            ident: &variant.ident,
            name: given_or(rename.as_ref(), &variant.ident),
            docs,
            discriminant: variant.discriminant.as_ref().map(|(_, value)| value),
            is_unit: matches!(variant.fields, Fields::Unit),
            fields: Field::all(&variant.fields, errors),
        }
    }
}

/// The most underscores that an identifier begins with.
fn underscores(tokens: TokenStream) -> usize {
    let of = |token| match token {
        TokenTree::Ident(ident) => ident.to_string().bytes().take_while(|&byte| byte == b'_').count(),
        TokenTree::Group(group) => underscores(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => 0,
    };
    tokens.into_iter().map(of).max().unwrap_or(0)
}

/// The number that a type is written as, or that an array of it is of.
pub(crate) fn number_in(r#type: &Type) -> Option<&'static str> {
    const NUMBERS: [&str; 10] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64"];
    match r#type {
        Type::Array(array) => number_in(&array.elem),
        Type::Group(group) => number_in(&group.elem),
        Type::Paren(paren) => number_in(&paren.elem),
        Type::Path(path) => NUMBERS.into_iter().find(|number| path.path.is_ident(number)),
        _ => None,
    }
}

fn named_member(field: &syn::Field) -> Member {
    Member::Named(field.ident.clone().expect("the fields of a union have names"))
}

fn given_or(given: Option<&LitStr>, ident: &Ident) -> String {
    given.map_or_else(|| ident.unraw().to_string(), LitStr::value)
}
