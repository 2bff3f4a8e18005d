//! Stage one: what the attributes of the trait and its members say.

use proc_macro2::{Span, TokenStream};
use syn::meta::{ParseNestedMeta, parser};
use syn::parse::Parser;
use syn::{Attribute, LitStr, Meta, Path, parse_quote};

use crate::errors::Errors;

/// What a member is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Topic,
    Poke,
    Compute,
    Execute,
}

impl Verb {
    const ALL: [(&'static str, Verb); 4] = [
        ("topic", Verb::Topic),
        ("poke", Verb::Poke),
        ("compute", Verb::Compute),
        ("execute", Verb::Execute),
    ];

    fn of(attribute: &Attribute) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| attribute.path().is_ident(name)).map(|(_, verb)| verb)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, verb)| *verb == self).map_or("", |(name, _)| name)
    }
}

/// The attributes of a member.
pub(super) struct MemberAttributes {
    pub(super) verb: Option<(Verb, Span)>,
    /// The topic's name, if not the member's.
    pub(super) name: Option<LitStr>,
    pub(super) unit: Option<LitStr>,
    pub(super) docs: String,
    /// `#[deprecated]`, which clients are to see too.
    pub(super) deprecated: Option<Attribute>,
}

impl MemberAttributes {
    pub(super) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let docs = crate::attributes::docs(attributes);
        let deprecated = attributes.iter().find(|attribute| attribute.path().is_ident("deprecated")).cloned();
        let mut read = Self { verb: None, name: None, unit: None, docs, deprecated };
        check_unconditional(attributes, errors);
        for attribute in attributes {
            let Some(verb) = Verb::of(attribute) else { continue };
            if read.verb.is_some() {
                errors.at(
                    attribute,
                    "a member is for one of `#[topic]`, `#[poke]`, `#[compute]` and `#[execute]`; remove one, and \
                     declare another member for it: members with one `name` belong to one topic",
                );
                continue;
            }
            read.verb = Some((verb, attribute.path().segments[0].ident.span()));
            if !matches!(attribute.meta, Meta::Path(_)) {
                let result = attribute.parse_nested_meta(|meta| read.read_argument(verb, &meta));
                result.unwrap_or_else(|error| errors.push(error));
            }
        }
        read
    }

    fn read_argument(&mut self, verb: Verb, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let slot = match meta.path.get_ident().map(ToString::to_string).as_deref() {
            Some("name") if verb != Verb::Execute => &mut self.name,
            Some("unit") if verb != Verb::Execute => &mut self.unit,
            _ if verb == Verb::Execute => {
                return Err(meta.error("`#[execute]` stands alone; remove what is in parentheses"));
            }
            _ => {
                let known = "there can be `name = \"…\"`, the topic's name, and `unit = \"m/s\"`";
                return Err(meta.error(format_args!("`#[{}]` has no such argument; {known}", verb.name())));
            }
        };
        let text: LitStr = meta.value().and_then(|value| value.parse()).map_err(|error| {
            let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            syn::Error::new(error.span(), format_args!("a text is expected, as in `{name} = \"…\"`"))
        })?;
        if slot.replace(text).is_some() {
            return Err(meta.error("it is given twice; remove one of them"));
        }
        Ok(())
    }
}

/// That what the attributes are of is there whatever is configured.
pub(super) fn check_unconditional(attributes: &[Attribute], errors: &mut Errors) -> Option<()> {
    let mut unconditional = Some(());
    for attribute in attributes {
        if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
            errors.at(
                attribute,
                "a member of an interface is there always, with all its arguments, since peers are told of it; put \
                 the condition on the whole trait, or declare two",
            );
            unconditional = None;
        }
    }
    unconditional
}

/// Whether an attribute of a member is ours, so that the trait is left without it.
pub(super) fn is_ours(attribute: &Attribute) -> bool {
    Verb::of(attribute).is_some()
}

/// Where the `bus` crate is: `crate = "…"`, or `::bus`.
pub(super) fn crate_path(arguments: TokenStream, errors: &mut Errors) -> Path {
    let mut path: Option<Path> = None;
    let read = parser(|meta| {
        if !meta.path.is_ident("crate") {
            return Err(meta.error(
                "`#[bus::interface]` has no such argument; there can be `crate = \"path::to::bus\"`",
            ));
        }
        let text: LitStr = meta.value()?.parse()?;
        let found = text.parse_with(Path::parse_mod_style).map_err(|error| {
            let expected =
                "expected the path of the `bus` crate in quotes, as in `#[bus::interface(crate = \"my::bus\")]`";
            syn::Error::new(error.span(), expected)
        })?;
        if path.replace(found).is_some() {
            return Err(meta.error("`crate` is given twice; remove one of them"));
        }
        Ok(())
    });
    let result = read.parse2(arguments);
    result.unwrap_or_else(|error| errors.push(error));
    path.unwrap_or_else(|| parse_quote!(::bus))
}
