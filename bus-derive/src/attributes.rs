//! Stage one: what the attributes say.
//!
//! Three kinds matter: `#[repr]`, which fixes the layout; `#[message]`, which is ours; and `#[doc]`, which
//! flows into the schema. All others belong to someone else and are passed over. Whether the `repr` is one
//! that can be used, and whether an attribute fits the field that it is on, is for the checks to say; here they
//! are only read.

use core::fmt::Display;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::Parse;
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, ExprLit, ExprRange, Ident, Lit, LitInt, LitStr, Meta, Path, Token, Type, parenthesized,
    token,
};

use crate::errors::Errors;

/// Where an attribute can stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Type,
    Field,
    Variant,
}

/// What `#[message(…)]` accepts: the name, how it is written, and where.
const KNOWN: &[(&str, &str, &[Place])] = &[
    ("crate", "crate = \"path::to::bus\"", &[Place::Type]),
    ("name", "name = \"…\"", &[Place::Type]),
    ("version", "version = 2", &[Place::Type]),
    ("reply", "reply = Type", &[Place::Type]),
    ("invariant", "invariant = path::to::function", &[Place::Type, Place::Field]),
    ("deny_padding", "deny_padding", &[Place::Type]),
    ("no_tokens", "no_tokens", &[Place::Type]),
    ("no_docs", "no_docs", &[Place::Type]),
    ("bytemuck", "bytemuck(NoUninit, …)", &[Place::Type]),
    ("unsafe_any_bits", "unsafe_any_bits", &[Place::Type]),
    ("rename", "rename = \"…\"", &[Place::Field, Place::Variant]),
    ("since", "since = 2", &[Place::Field]),
    ("default", "default = expression", &[Place::Field]),
    ("unit", "unit = \"m/s\"", &[Place::Field]),
    ("range", "range = 0..=9", &[Place::Field]),
];

/// The attributes of a type.
pub(crate) struct TypeAttributes {
    pub(crate) repr: Repr,
    /// Where the `bus` crate is, if not at `::bus`.
    pub(crate) crate_path: Option<Path>,
    pub(crate) docs: String,
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<Number>,
    /// What a service answers, for a command.
    pub(crate) reply: Option<Type>,
    pub(crate) invariant: Option<Expr>,
    pub(crate) deny_padding: Option<Span>,
    pub(crate) no_tokens: Option<Span>,
    pub(crate) no_docs: Option<Span>,
    /// The traits of bytemuck to implement.
    pub(crate) bytemuck: Option<Vec<Ident>>,
    pub(crate) unsafe_any_bits: Option<Span>,
}

/// The attributes of a field.
pub(crate) struct FieldAttributes {
    pub(crate) docs: String,
    pub(crate) rename: Option<LitStr>,
    pub(crate) since: Option<Number>,
    pub(crate) default: Option<Expr>,
    pub(crate) unit: Option<LitStr>,
    pub(crate) range: Option<ExprRange>,
    pub(crate) invariant: Option<Expr>,
}

/// The attributes of a variant.
pub(crate) struct VariantAttributes {
    pub(crate) docs: String,
    pub(crate) rename: Option<LitStr>,
}

/// A version, where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) value: u32,
    pub(crate) span: Span,
}

/// The words of all `#[repr(…)]`s of a type, each where it stands.
#[derive(Default)]
pub(crate) struct Repr {
    pub(crate) c: Option<Ident>,
    pub(crate) transparent: Option<Ident>,
    pub(crate) packed: Option<Ident>,
    pub(crate) rust: Option<Ident>,
    /// `u8`, `i64` and so on, `usize` and `u128` included.
    pub(crate) integer: Option<Ident>,
}

impl TypeAttributes {
    /// Reads the attributes of a type.
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut read = Self {
            repr: Repr::read(attributes, errors),
            crate_path: None,
            docs: docs(attributes),
            name: None,
            version: None,
            reply: None,
            invariant: None,
            deny_padding: None,
            no_tokens: None,
            no_docs: None,
            bytemuck: None,
            unsafe_any_bits: None,
        };
        read_message(attributes, Place::Type, errors, |name, meta| match name {
            "crate" => once(&mut read.crate_path, meta, crate_path),
            "name" => once(&mut read.name, meta, name_literal),
            "version" => once(&mut read.version, meta, version),
            "reply" => once(&mut read.reply, meta, |meta| {
                value(meta, "expected the type of the answer, as in `reply = Filled`, or `reply = bus::Ack`")
            }),
            "invariant" => once(&mut read.invariant, meta, function),
            "deny_padding" => once(&mut read.deny_padding, meta, word),
            "no_tokens" => once(&mut read.no_tokens, meta, word),
            "no_docs" => once(&mut read.no_docs, meta, word),
            "bytemuck" => once(&mut read.bytemuck, meta, identifiers),
            _ => once(&mut read.unsafe_any_bits, meta, word),
        });
        read
    }
}

impl FieldAttributes {
    /// Reads the attributes of a field.
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut read = Self {
            docs: docs(attributes),
            rename: None,
            since: None,
            default: None,
            unit: None,
            range: None,
            invariant: None,
        };
        read_message(attributes, Place::Field, errors, |name, meta| match name {
            "rename" => once(&mut read.rename, meta, name_literal),
            "since" => once(&mut read.since, meta, version),
            "default" => once(&mut read.default, meta, |meta| {
                value(meta, "expected the value for messages that lack the field, as in `default = 0.5`")
            }),
            "unit" => once(&mut read.unit, meta, name_literal),
            "range" => once(&mut read.range, meta, range),
            _ => once(&mut read.invariant, meta, function),
        });
        read
    }
}

impl VariantAttributes {
    /// Reads the attributes of a variant.
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut read = Self { docs: docs(attributes), rename: None };
        read_message(attributes, Place::Variant, errors, |_, meta| {
            once(&mut read.rename, meta, name_literal)
        });
        read
    }
}

impl Repr {
    fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut repr = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("repr")) {
            let result = attribute.parse_nested_meta(|meta| repr.read_word(&meta));
            result.unwrap_or_else(|error| errors.push(error));
        }
        repr
    }

    /// Reads one item of `#[repr(…)]`.
    fn read_word(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        skip_parentheses(meta)?; // the amount of `packed` or `align`
        let Some(word) = meta.path.get_ident() else { return Ok(()) };
        let slot = match word.to_string().as_str() {
            "C" => &mut self.c,
            "transparent" => &mut self.transparent,
            "packed" => &mut self.packed,
            "Rust" => &mut self.rust,
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => &mut self.integer,
            "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => &mut self.integer,
            _ => return Ok(()), // `align` is welcome; what is no `repr` is the compiler's to refuse
        };
        *slot = Some(word.clone());
        Ok(())
    }
}

impl Place {
    fn article_and_name(self) -> &'static str {
        match self {
            Self::Type => "a type",
            Self::Field => "a field",
            Self::Variant => "a variant",
        }
    }

    /// What can be written here.
    fn known(self) -> String {
        let here = KNOWN.iter().filter(|(_, _, places)| places.contains(&self));
        let texts: Vec<String> = here.map(|(_, form, _)| format!("`{form}`")).collect();
        format!("on {} there can be {}", self.article_and_name(), texts.join(", "))
    }
}

/// Reads all `#[message(…)]` of what stands at `place`; `read` is called with each name that belongs there.
fn read_message(
    attributes: &[Attribute],
    place: Place,
    errors: &mut Errors,
    mut read: impl FnMut(&str, &ParseNestedMeta<'_>) -> syn::Result<()>,
) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("message")) {
        if !matches!(attribute.meta, Meta::List(_)) {
            errors.at(
                attribute,
                format_args!("`#[message]` takes its arguments in parentheses; {}", place.known()),
            );
            continue;
        }
        let result = attribute.parse_nested_meta(|meta| {
            let segments = meta.path.segments.iter();
            let name =
                segments.map(|segment| segment.ident.unraw().to_string()).collect::<Vec<_>>().join("::");
            let misfit = match KNOWN.iter().find(|(known, _, _)| *known == name) {
                Some((_, _, places)) if places.contains(&place) => {
                    let result = read(&name, &meta);
                    return result.or_else(|error| {
                        errors.push(error);
                        skip_value(&meta)
                    });
                }
                Some((_, _, places)) => {
                    let there: Vec<_> = places.iter().map(|place| place.article_and_name()).collect();
                    let known = place.known();
                    let place = place.article_and_name();
                    format!("`{name}` does not belong on {place}; move it to {}; {known}", there.join(" or "))
                }
                None => format!("there is no attribute `#[message({name})]`; {}", place.known()),
            };
            errors.push(meta.error(misfit));
            skip_value(&meta)
        });
        result.unwrap_or_else(|error| errors.push(error));
    }
}

/// Reads an attribute that may be given once.
fn once<T>(
    slot: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    read: impl FnOnce(&ParseNestedMeta<'_>) -> syn::Result<T>,
) -> syn::Result<()> {
    let read = read(meta)?;
    match slot.replace(read) {
        None => Ok(()),
        Some(_) => {
            let name = meta.path.get_ident().map(|name| name.unraw().to_string()).unwrap_or_default();
            Err(meta.error(format_args!("`{name}` is given twice; remove one of them")))
        }
    }
}

/// Reads `= value`.
fn value<T: Parse>(meta: &ParseNestedMeta<'_>, expected: impl Display) -> syn::Result<T> {
    let result = meta.value().and_then(|value| value.parse());
    result.map_err(|error: syn::Error| syn::Error::new(error.span(), expected))
}

fn crate_path(meta: &ParseNestedMeta<'_>) -> syn::Result<Path> {
    const EXPECTED: &str =
        "expected the path of the `bus` crate in quotes, as in `#[message(crate = \"my::bus\")]`";
    let text: LitStr = value(meta, EXPECTED)?;
    let path = text.parse_with(Path::parse_mod_style);
    path.map_err(|error| syn::Error::new(error.span(), EXPECTED))
}

/// A name or a unit: 1 to 255 bytes without control characters, as a schema holds them.
fn name_literal(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    let name = meta.path.get_ident().map(|name| name.unraw().to_string()).unwrap_or_default();
    let literal: LitStr = value(meta, format_args!("expected a text in quotes, as in `{name} = \"…\"`"))?;
    let text = literal.value();
    if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
        let message = format!("`{name}` has 1 to 255 bytes, without control characters");
        return Err(syn::Error::new_spanned(literal, message));
    }
    Ok(literal)
}

fn version(meta: &ParseNestedMeta<'_>) -> syn::Result<Number> {
    const EXPECTED: &str = "expected the number of a version, from 1, as in `since = 2`";
    let literal: LitInt = value(meta, EXPECTED)?;
    match literal.base10_parse() {
        Ok(value @ 1..) => Ok(Number { value, span: literal.span() }),
        _ => Err(syn::Error::new_spanned(literal, EXPECTED)),
    }
}

fn function(meta: &ParseNestedMeta<'_>) -> syn::Result<Expr> {
    const EXPECTED: &str = "expected the path of a function that takes a reference to the value and returns \
        a `bool` or a `Result<(), _>`, as in `invariant = path::to::function`";
    let function: Expr = value(meta, EXPECTED)?;
    match ungrouped(&function) {
        Expr::Path(_) => Ok(function),
        _ => Err(syn::Error::new_spanned(function, EXPECTED)),
    }
}

fn range(meta: &ParseNestedMeta<'_>) -> syn::Result<ExprRange> {
    const EXPECTED: &str =
        "expected the values that are valid, as in `range = 0..=9`, `range = 1..` or `range = ..=9`";
    let range: Expr = value(meta, EXPECTED)?;
    match ungrouped(&range) {
        Expr::Range(range) => Ok(range.clone()),
        _ => Err(syn::Error::new_spanned(range, EXPECTED)),
    }
}

/// A word that stands alone.
fn word(meta: &ParseNestedMeta<'_>) -> syn::Result<Span> {
    if meta.input.is_empty() || meta.input.peek(Token![,]) {
        return Ok(meta.path.span());
    }
    let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
    Err(meta.error(format_args!("`{name}` stands alone; remove what follows it")))
}

/// Identifiers in parentheses.
fn identifiers(meta: &ParseNestedMeta<'_>) -> syn::Result<Vec<Ident>> {
    let mut identifiers = Vec::new();
    let result = meta.parse_nested_meta(|meta| {
        identifiers.push(meta.path.require_ident()?.clone());
        Ok(())
    });
    let expected = "expected the traits to implement, as in `bytemuck(NoUninit, CheckedBitPattern)`";
    result.map_err(|error| syn::Error::new(error.span(), expected))?;
    Ok(identifiers)
}

/// An expression without the invisible groups that `macro_rules` puts around it.
fn ungrouped(expression: &Expr) -> &Expr {
    match expression {
        Expr::Group(group) => ungrouped(&group.expr),
        Expr::Paren(paren) => ungrouped(&paren.expr),
        other => other,
    }
}

/// Reads over what is left of an item that was refused, so that the items after it are seen too.
fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    while !meta.input.is_empty() && !meta.input.peek(Token![,]) {
        meta.input.parse::<TokenTree>()?;
    }
    Ok(())
}

fn skip_parentheses(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(token::Paren) {
        let content;
        parenthesized!(content in meta.input);
        content.parse::<TokenStream>()?;
    }
    Ok(())
}

/// The documentation comment: its lines without the space after the slashes, and without empty ones around
/// it.
///
/// Documentation that a macro makes, such as `#[doc = include_str!(…)]`, is not a literal, and left out.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(meta) = &attribute.meta
            && meta.path.is_ident("doc")
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value
        {
            let text = text.value();
            lines.extend(
                text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()),
            );
            if text.is_empty() {
                lines.push(String::new());
            }
        }
    }
    lines.join("\n").trim_matches('\n').to_owned()
}
