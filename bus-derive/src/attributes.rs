//! Stage one: what the attributes say.
//!
//! Three kinds matter: `#[repr]`, which fixes the layout; `#[message]`, which is ours; and `#[doc]`, which
//! flows into the schema. All others belong to someone else and are passed over. Whether the `repr` is one
//! that can be used is for the checks to say; here it is only read.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Token, parenthesized, token};

use crate::errors::Errors;

/// What `#[message(…)]` accepts, for errors.
const KNOWN: &str = "the only one is `#[message(crate = \"path::to::bus\")]`, on the type";

/// What follows `crate`, for errors.
const EXPECTED_PATH: &str =
    "expected the path of the `bus` crate in quotes, as in `#[message(crate = \"my::bus\")]`";

/// The attributes of a type.
pub(crate) struct TypeAttributes {
    pub(crate) repr: Repr,
    /// Where the `bus` crate is, if not at `::bus`.
    pub(crate) crate_path: Option<Path>,
    pub(crate) docs: String,
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
        let mut read = Self { repr: Repr::default(), crate_path: None, docs: docs(attributes) };
        for attribute in attributes {
            if attribute.path().is_ident("repr") {
                let result = attribute.parse_nested_meta(|meta| read.repr.read(&meta));
                result.unwrap_or_else(|error| errors.push(error));
            } else if attribute.path().is_ident("message") {
                read_message(attribute, errors, |meta| read.crate_path(meta));
            }
        }
        read
    }

    /// Reads `crate = "path"`.
    fn crate_path(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let help = |error: syn::Error| syn::Error::new(error.span(), EXPECTED_PATH);
        let text: LitStr = meta.value().and_then(|value| value.parse()).map_err(help)?;
        let path = text.parse_with(Path::parse_mod_style).map_err(help)?;
        match self.crate_path.replace(path) {
            None => Ok(()),
            Some(_) => Err(syn::Error::new_spanned(text, "`crate` is given twice; remove one of them")),
        }
    }
}

impl Repr {
    /// Reads one item of `#[repr(…)]`.
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
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

/// Refuses `#[message(…)]` where there is none to have: on fields and variants.
pub(crate) fn refuse_message(attributes: &[Attribute], place: &str, errors: &mut Errors) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("message")) {
        read_message(attribute, errors, |meta| {
            let error = meta.error(format_args!("`crate` does not belong on {place}; move it to the type"));
            skip_value(meta)?;
            Err(error)
        });
    }
}

/// Reads a `#[message(…)]`, of which only `crate` means something, and `of_crate` says what.
fn read_message(
    attribute: &Attribute,
    errors: &mut Errors,
    mut of_crate: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<()>,
) {
    if !matches!(attribute.meta, Meta::List(_)) {
        errors.at(attribute, format_args!("`#[message]` takes its argument in parentheses; {KNOWN}"));
        return;
    }
    let result = attribute.parse_nested_meta(|meta| {
        if meta.path.is_ident("crate") {
            return of_crate(&meta);
        }
        let segments = meta.path.segments.iter();
        let name: Vec<String> = segments.map(|segment| segment.ident.unraw().to_string()).collect();
        errors.push(
            meta.error(format_args!("there is no attribute `#[message({})]`; {KNOWN}", name.join("::"))),
        );
        skip_value(&meta)
    });
    result.unwrap_or_else(|error| errors.push(error));
}

/// Reads over the value of an item that was refused, so that the items after it are seen too.
fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    }
    skip_parentheses(meta)
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
