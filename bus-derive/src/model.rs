//! Stage two: what the type is, without the syntax around it.
//!
//! The model keeps what is wrong too, such as a union or a variant with data: the checks look at it next, and
//! a model that passed them is all that the expansion needs to know.

use syn::ext::IdentExt;
use syn::{
    Data, DeriveInput, Fields, Generics, Ident, Member, Path, Type, Variant as SynVariant, parse_quote,
};

use crate::attributes::{Repr, TypeAttributes, docs, refuse_message};
use crate::errors::Errors;

/// A type to derive `Message` for.
pub(crate) struct Model<'a> {
    pub(crate) ident: &'a Ident,
    /// The identifier without `r#`.
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) generics: &'a Generics,
    /// The path of the `bus` crate.
    pub(crate) crate_path: Path,
    pub(crate) repr: Repr,
    pub(crate) shape: Shape<'a>,
}

/// What the type consists of.
pub(crate) enum Shape<'a> {
    Struct(Vec<Field<'a>>),
    Enum(Vec<Variant<'a>>),
    /// Always refused.
    Union,
}

/// A field of a struct.
pub(crate) struct Field<'a> {
    /// How the field is accessed: by its name or its number.
    pub(crate) member: Member,
    /// The name without `r#`, or the number.
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) r#type: &'a Type,
}

/// A variant of an enum.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    /// The identifier without `r#`.
    pub(crate) name: String,
    pub(crate) docs: String,
    /// Anything but `Fields::Unit` is refused.
    pub(crate) fields: &'a Fields,
}

impl<'a> Model<'a> {
    /// Reads `input`; only attributes can be wrong in it so far.
    pub(crate) fn of(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        let TypeAttributes { repr, crate_path, docs } = TypeAttributes::read(&input.attrs, errors);
        let shape = match &input.data {
            Data::Struct(data) => Shape::Struct(Field::all(&data.fields, errors)),
            Data::Enum(data) => {
                Shape::Enum(data.variants.iter().map(|variant| Variant::of(variant, errors)).collect())
            }
            Data::Union(data) => {
                data.fields.named.iter().for_each(|field| refuse_message(&field.attrs, "a field", errors));
                Shape::Union
            }
        };
        Self {
            ident: &input.ident,
            name: input.ident.unraw().to_string(),
            docs,
            generics: &input.generics,
            crate_path: crate_path.unwrap_or_else(|| parse_quote!(::bus)),
            repr,
            shape,
        }
    }
}

impl<'a> Field<'a> {
    fn all(fields: &'a Fields, errors: &mut Errors) -> Vec<Self> {
        let field = |(member, field): (Member, &'a syn::Field)| {
            refuse_message(&field.attrs, "a field", errors);
            let name = match &member {
                Member::Named(ident) => ident.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            Self { member, name, docs: docs(&field.attrs), r#type: &field.ty }
        };
        fields.members().zip(fields).map(field).collect()
    }
}

impl<'a> Variant<'a> {
    fn of(variant: &'a SynVariant, errors: &mut Errors) -> Self {
        refuse_message(&variant.attrs, "a variant", errors);
        variant.fields.iter().for_each(|field| refuse_message(&field.attrs, "a field", errors));
        let ident = &variant.ident;
        Self { ident, name: ident.unraw().to_string(), docs: docs(&variant.attrs), fields: &variant.fields }
    }
}
