//! Stage four: the trait as it is implemented, and what is made of it.
//!
//! Every path is absolute. What is generated is as visible as the trait is.

mod client;
mod command;
mod server;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, ItemTrait, TraitItem};

use super::attributes::is_ours;
use super::model::{Interface, Method};

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

/// A variable of the expansion, which the user's code does not see.
fn own(name: &str) -> Ident {
    format_ident!("__{}", name, span = Span::mixed_site())
}
