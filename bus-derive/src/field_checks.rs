//! Stage three, field by field: types, versions, ranges, names.

use std::collections::HashMap;

use syn::{Expr, ExprLit, ExprUnary, Lit, RangeLimits, UnOp};

use crate::attributes::{FieldAttributes, Number};
use crate::errors::Errors;
use crate::model::{Field, Model, Shape, number_in};
use crate::refusals;

/// Adds to `errors` all that is wrong with the fields and the variants.
pub(crate) fn check(model: &Model<'_>, errors: &mut Errors) {
    for field in model.fields() {
        if let Some(refusal) = refusals::of(field.r#type) {
            errors.at(refusal.at, format_args!("field `{}`: {}", field.name, refusal.message));
        }
        check_range(field, errors);
    }
    match &model.shape {
        Shape::Struct(fields) => {
            check_names("fields", fields.iter().map(|field| (&field.name, &field.member)), errors);
            check_versions(model, fields, errors);
        }
        Shape::Enum(variants) => {
            check_names("variants", variants.iter().map(|variant| (&variant.name, variant.ident)), errors);
            for variant in variants {
                check_names(
                    "fields",
                    variant.fields.iter().map(|field| (&field.name, &field.member)),
                    errors,
                );
            }
            refuse_versions(
                model,
                "an enum: a program that does not know a variant cannot pass over it",
                errors,
            );
        }
        Shape::Union(fields) => {
            check_names("fields", fields.iter().map(|field| (&field.name, &field.member)), errors);
            refuse_versions(model, "a union", errors);
            for field in fields {
                let FieldAttributes { range, invariant, .. } = &field.attributes;
                let message = "a field of a union accepts all bits; remove this";
                range.iter().for_each(|range| errors.at(range, message));
                invariant.iter().for_each(|invariant| errors.at(invariant, message));
            }
        }
    }
}

fn check_range(field: &Field<'_>, errors: &mut Errors) {
    let Some(range) = &field.attributes.range else { return };
    if let (Some(Number { span, .. }), None) = (field.attributes.since, &field.attributes.default) {
        let message = format!(
            "field `{}`: messages of earlier versions lack this field, which has a range; say what it is there, within \
             the range, with `default = …`",
            field.name
        );
        errors.push(syn::Error::new(span, message));
    }
    if let Some(default) = &field.attributes.default
        && let Some(value) = literal(default)
        && (range.start.as_deref().and_then(literal).is_some_and(|low| value < low)
            || range.end.as_deref().and_then(literal).is_some_and(|high| value > high))
    {
        errors
            .at(default, format_args!("field `{}`: the default is not within the field's range", field.name));
    }
    if number_in(field.r#type).is_none() {
        errors.at(
            range,
            format_args!(
                "field `{}`: a range is for numbers of up to 64 bits, and arrays of them, whose type is written \
                 out; use `invariant = path::to::function`",
                field.name
            ),
        );
    }
    if range.end.is_some() && matches!(range.limits, RangeLimits::HalfOpen(_)) {
        let message = "a range includes its end; write `..=` and the last valid value";
        errors.at(range, format_args!("field `{}`: {message}", field.name));
    }
    if range.start.is_none() && range.end.is_none() {
        errors.at(range, format_args!("field `{}`: `..` allows every value; remove the range", field.name));
    }
}

/// The number that an expression is written as.
fn literal(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::Group(group) => literal(&group.expr),
        Expr::Paren(paren) => literal(&paren.expr),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => literal(expr).map(|number| -number),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse().ok(),
        _ => None,
    }
}

/// Names that `rename` made equal.
fn check_names<'a, T: quote::ToTokens + 'a>(
    what: &str,
    names: impl Iterator<Item = (&'a String, &'a T)>,
    errors: &mut Errors,
) {
    let mut seen = HashMap::new();
    for (name, at) in names {
        if seen.insert(name, at).is_some() {
            errors.at(at, format_args!("two {what} have the name `{name}`; give one of them another"));
        }
    }
}

/// Fields are only ever appended, so versions rise from the first field to the last.
fn check_versions(model: &Model<'_>, fields: &[Field<'_>], errors: &mut Errors) {
    if model.attributes.repr.transparent.is_some() {
        return refuse_versions(model, "a transparent struct, which has one field for ever", errors);
    }
    let mut newest = 1;
    for field in fields {
        let (name, since) = (&field.name, field.since());
        if let (None, Some(default)) = (field.attributes.since, &field.attributes.default) {
            errors.at(
                default,
                format_args!(
                    "field `{name}`: `default` is what messages of earlier versions have here, and without \
                     `since` there are none that lack the field; add `since = 2`, or remove `default`"
                ),
            );
        }
        if since < newest {
            let message = format!(
                "field `{name}` is there since version {since}, but stands behind one that is there since \
                 version {newest}; fields are only ever appended, so move it up, or give it `since = {newest}`"
            );
            match field.attributes.since {
                Some(Number { span, .. }) => errors.push(syn::Error::new(span, message)),
                None => errors.at(&field.member, message),
            }
        }
        newest = newest.max(since);
    }
    if let Some(Number { value, span }) = model.attributes.version
        && value < newest
    {
        let message =
            format!("there is a field since version {newest}, so this is at least version {newest}");
        errors.push(syn::Error::new(span, message));
    }
}

fn refuse_versions(model: &Model<'_>, of: &str, errors: &mut Errors) {
    for field in model.fields() {
        let FieldAttributes { since, default, .. } = &field.attributes;
        if let Some(Number { span, .. }) = since {
            let message = format!("`since` has no meaning in {of}; remove it");
            errors.push(syn::Error::new(*span, message));
        }
        if let Some(default) = default {
            errors.at(default, format_args!("`default` has no meaning in {of}; remove it"));
        }
    }
}
