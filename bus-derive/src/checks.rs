//! Stage three: what cannot be in shared memory.
//!
//! Each refusal says what the matter is and what to do about it, at the place where it is to be done. What a
//! field's type may be is in `refusals`, and what the attributes of fields may be in `field_checks`; here is
//! what the type as a whole must be.

use syn::Ident;

use crate::attributes::Repr;
use crate::errors::Errors;
use crate::field_checks;
use crate::model::{Model, Shape};

/// The representations that an enum may have.
const ENUM_REPRS: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];

/// The traits of bytemuck that can be implemented.
const BYTEMUCK: [&str; 4] = ["NoUninit", "Zeroable", "AnyBitPattern", "CheckedBitPattern"];

/// Adds to `errors` all that is wrong with the type.
pub(crate) fn check(model: &Model<'_>, errors: &mut Errors) {
    check_any(model, errors);
    check_attributes(model, errors);
    match &model.shape {
        Shape::Struct(_) => check_struct_repr(model, errors),
        Shape::Enum(variants) if variants.is_empty() => check_no_variants(model, errors),
        Shape::Enum(_) => check_enum_repr(model, errors),
        Shape::Union(_) => check_union(model, errors),
    }
    field_checks::check(model, errors);
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
    if let Some(packed) = &model.attributes.repr.packed {
        errors.at(
            packed,
            "a packed type cannot be a message, since its fields cannot be referenced; remove `packed`: \
             padding is allowed, and is sent as zeroes",
        );
    }
    if let Some(rust) = &model.attributes.repr.rust {
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

fn check_attributes(model: &Model<'_>, errors: &mut Errors) {
    if let Some(span) = model.attributes.unsafe_any_bits
        && !matches!(model.shape, Shape::Union(_))
    {
        errors.push(syn::Error::new(
            span,
            "`unsafe_any_bits` is for unions; whether a struct or an enum accepts all bits is known from its \
             fields, so remove it",
        ));
    }
    let Some(traits) = &model.attributes.bytemuck else { return };
    for name in traits.iter().filter(|name| !BYTEMUCK.iter().any(|known| name == known)) {
        errors.at(
            name,
            format_args!(
                "`{name}` is not one of the traits of bytemuck that a message can have: {}",
                BYTEMUCK.map(|known| format!("`{known}`")).join(", ")
            ),
        );
    }
    if let (Some(first), false) = (traits.first(), model.generics.params.is_empty()) {
        errors.at(
            first,
            format_args!(
                "`{}` is generic, and whether the traits of bytemuck hold depends on its arguments; \
                 remove `bytemuck(…)`, and write `unsafe impl`s for the arguments that you use",
                model.ident
            ),
        );
    }
}

fn check_struct_repr(model: &Model<'_>, errors: &mut Errors) {
    let Repr { c, transparent, rust, .. } = &model.attributes.repr;
    if c.is_none() && transparent.is_none() && rust.is_none() {
        errors.at(
            model.ident,
            format_args!(
                "the layout of the struct `{}` is not defined: the compiler may reorder its fields; \
                 add `#[repr(C)]`",
                model.ident
            ),
        );
    }
}

fn check_enum_repr(model: &Model<'_>, errors: &mut Errors) {
    let (name, Repr { c, rust, integer, .. }) = (model.ident, &model.attributes.repr);
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
                 use `#[repr(u8)]`, or `#[repr(C, u8)]`, or a wider integer if `{name}` has values that need it"
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
            model.ident
        ),
    );
}

fn check_union(model: &Model<'_>, errors: &mut Errors) {
    let name = model.ident;
    if model.attributes.unsafe_any_bits.is_none() {
        errors.at(
            name,
            format_args!(
                "the union `{name}` cannot be a message as it is: its bytes do not say which field is valid; \
                 use an enum with `#[repr(u8)]` whose variants hold the cases; or, if every field accepts all \
                 bits and you promise that all bytes of every value of `{name}` are initialised, add \
                 `#[message(unsafe_any_bits)]`"
            ),
        );
    } else if model.attributes.repr.c.is_none() && model.attributes.repr.rust.is_none() {
        errors.at(name, format_args!("the layout of the union `{name}` is not defined; add `#[repr(C)]`"));
    }
}
