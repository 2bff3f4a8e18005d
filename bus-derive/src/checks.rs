//! Stage three: what cannot be in shared memory.
//!
//! Each refusal says what the matter is and what to do about it, at the place where it is to be done. What a
//! field's type may be is in `refusals`; here is what the type as a whole must be.

use syn::{Fields, Ident};

use crate::attributes::Repr;
use crate::errors::Errors;
use crate::model::{Field, Model, Shape, Variant};
use crate::refusals;

/// The representations that an enum may have.
const ENUM_REPRS: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];

/// Adds to `errors` all that is wrong with the type.
pub(crate) fn check(model: &Model<'_>, errors: &mut Errors) {
    check_any(model, errors);
    match &model.shape {
        Shape::Struct(fields) => {
            check_struct_repr(model, errors);
            fields.iter().for_each(|field| check_field(field, errors));
        }
        Shape::Enum(variants) => {
            if variants.is_empty() {
                check_no_variants(model, errors);
            } else {
                check_enum_repr(model, errors);
                check_variants(variants, errors);
            }
        }
        Shape::Union => errors.at(
            model.ident,
            format_args!(
                "the union `{}` cannot be a message: its bytes do not say which field is valid; \
                 use a struct with `#[repr(C)]`, and an enum field that tells the cases apart",
                model.name
            ),
        ),
    }
}

/// What holds for types of every shape.
fn check_any(model: &Model<'_>, errors: &mut Errors) {
    for parameter in model.generics.lifetimes() {
        let lifetime = &parameter.lifetime;
        errors.at(
            lifetime,
            format_args!(
                "a message cannot borrow, since an address means nothing in another process; \
                 remove `{lifetime}` and hold the values themselves"
            ),
        );
    }
    if let Some(packed) = &model.repr.packed {
        errors.at(
            packed,
            "a packed struct cannot be a message, since its fields cannot be referenced; remove `packed`: \
             padding is allowed, and is sent as zeroes",
        );
    }
    if let Some(rust) = &model.repr.rust {
        let instead = if matches!(model.shape, Shape::Enum(_)) { "u8" } else { "C" };
        errors.at(
            rust,
            format_args!(
                "`repr(Rust)` lets each compiler choose another layout; \
                 use `#[repr({instead})]`, whose layout is defined"
            ),
        );
    }
}

fn check_struct_repr(model: &Model<'_>, errors: &mut Errors) {
    let Repr { c, transparent, rust, .. } = &model.repr;
    if c.is_none() && transparent.is_none() && rust.is_none() {
        errors.at(
            model.ident,
            format_args!(
                "the layout of the struct `{}` is not defined: the compiler may reorder its fields; \
                 add `#[repr(C)]`",
                model.name
            ),
        );
    }
}

fn check_field(field: &Field<'_>, errors: &mut Errors) {
    if let Some(refusal) = refusals::of(field.r#type) {
        errors.at(refusal.at, format_args!("field `{}`: {}", field.name, refusal.message));
    }
}

fn check_enum_repr(model: &Model<'_>, errors: &mut Errors) {
    let (name, Repr { c, rust, integer, .. }) = (&model.name, &model.repr);
    let usable = |integer: &Ident| ENUM_REPRS.iter().any(|repr| integer == repr);
    match (integer, c) {
        (Some(integer), _) if usable(integer) => {}
        (Some(integer), _) => errors.at(
            integer,
            format_args!(
                "the enum `{name}` cannot be stored as `{integer}` in a message; \
                 use `#[repr(u8)]` to `#[repr(u64)]` or `#[repr(i8)]` to `#[repr(i64)]`"
            ),
        ),
        (None, Some(c)) => errors.at(
            c,
            format_args!(
                "the size of a `repr(C)` enum depends on the platform's C compiler; \
                 use `#[repr(u8)]`, or a wider integer if `{name}` has values that need it"
            ),
        ),
        (None, None) if rust.is_some() => {}
        (None, None) => errors.at(
            model.ident,
            format_args!(
                "the size and values of the enum `{name}` are not defined; \
                 add `#[repr(u8)]`, or a wider integer if it has values that need it"
            ),
        ),
    }
}

fn check_no_variants(model: &Model<'_>, errors: &mut Errors) {
    errors.at(
        model.ident,
        format_args!(
            "the enum `{}` has no variants and so no values to send; give it at least one",
            model.name
        ),
    );
}

fn check_variants(variants: &[Variant<'_>], errors: &mut Errors) {
    for variant in variants {
        let name = &variant.name;
        match variant.fields {
            Fields::Unit => {}
            fields if fields.is_empty() => {
                errors.at(fields, format_args!("variant `{name}` holds nothing; write it as plain `{name}`"));
            }
            _ => errors.at(
                variant.ident,
                format_args!(
                    "variant `{name}` holds data, and an enum in a message has only names; \
                     keep the enum without data and put the data in fields beside it, in a struct"
                ),
            ),
        }
    }
}
