//! Stage four: the trait as it is implemented, and what is made of it.
//!
//! Every path is absolute. What is generated is as visible as the trait is.

mod client;
mod command;
mod server;

pub(super) use command::ident as command_ident;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, ItemTrait, Path, TraitItem, Type};

use super::attributes::is_ours;
use super::model::{Interface, Method};
use crate::expansion::is_primitive;

/// All of it.
pub(super) fn expand(interface: &Interface<'_>) -> TokenStream {
    let (bare, server, client) =
        (bare_trait(interface.item), server::server(interface), client::client(interface));
    let commands = interface.commands.iter().map(|method| command::command(interface, method));
    quote!(#bare #(#commands)* #server #client)
}

/// The trait without what is ours: the attributes, and the topics.
pub(super) fn bare_trait(item: &ItemTrait) -> ItemTrait {
    let mut bare = item.clone();
    bare.items.retain_mut(|member| match member {
        TraitItem::Const(constant) => !constant.attrs.iter().any(is_ours),
        TraitItem::Fn(method) => {
            method.attrs.retain(|attribute| !is_ours(attribute));
            true
        }
        _ => true,
    });
    bare
}

/// A type of the expansion: named after the trait.
fn named(interface: &Interface<'_>, what: &str) -> Ident {
    let ident = &interface.item.ident;
    Ident::new(&format!("{}{what}", ident.unraw()), Span::call_site().located_at(ident.span()))
}

/// The type of the message that a command is.
fn message(interface: &Interface<'_>, method: &Method<'_>) -> TokenStream {
    match method.whole() {
        Some((_, r#type)) => quote!(#r#type),
        None => {
            let ident = command::ident(interface, method);
            quote!(#ident)
        }
    }
}

/// The answer's type.
fn reply(interface: &Interface<'_>, method: &Method<'_>) -> TokenStream {
    let bus = &interface.bus;
    match &method.answer.with {
        Some(with) => quote!(#with),
        None => quote!(#bus::Ack),
    }
}

/// Tokens whose errors are shown at what the user wrote, where their names still mean what they did.
fn shown_at(span: Span, tokens: TokenStream) -> TokenStream {
    let shown = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            let mut shown = Group::new(group.delimiter(), shown_at(span, group.stream()));
            shown.set_span(group.span());
            token = TokenTree::Group(shown);
        }
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(shown).collect()
}

/// That a type can be what a topic carries, said before the type is used, and in the same words in each body.
///
/// It does nothing. Of a type that cannot be, it is an error at the type; what else the body does with the type, by paths that
/// name it, the compiler does not repeat, nor the same words in another body. So what is wrong is said once. Hence what needs
/// methods of `Conversation<Order>` and the like is a function of any payload, which a body calls by `function::<Order>`.
fn is_payload(bus: &Path, r#type: &Type) -> TokenStream {
    let element = if let Type::Slice(slice) = r#type { &*slice.elem } else { r#type };
    if is_primitive(element) {
        return TokenStream::new();
    }
    shown_at(r#type.span(), quote!(let _ = #bus::Service::topic::<#r#type>;))
}

/// As [`is_payload`], that it is a command; with the type as it is named after that, which makes all that is wrong with it be
/// of one place.
fn is_command(interface: &Interface<'_>, method: &Method<'_>) -> (TokenStream, TokenStream) {
    let (bus, message) = (&interface.bus, message(interface, method));
    let (span, alias) = (command_span(method), format_ident!("__Command"));
    let (alias, of) = match method.whole() {
        Some(_) => (quote!(type #alias = #message;), quote!(#alias)),
        None => (TokenStream::new(), message),
    };
    let of = shown_at(span, of);
    let mut parts = method.values().map(|(_, r#type, _)| r#type).chain(&method.answer.with);
    let checked = match method.whole().is_none() && parts.all(is_primitive) {
        true => TokenStream::new(),
        false => shown_at(span, quote!(let _ = #bus::Client::require::<#of>;)),
    };
    (quote!(#alias #checked), of)
}

/// Where errors about a command are shown: at its type, or at the method of which it is made.
fn command_span(method: &Method<'_>) -> Span {
    method.whole().map_or(method.ident.span(), |(_, r#type)| r#type.span())
}

/// A variable of the expansion, which the user's code does not see.
fn own(name: &str) -> Ident {
    format_ident!("__{}", name, span = Span::mixed_site())
}
