//! The message of a command whose arguments are given one by one.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Ident;
use syn::ext::IdentExt;

use super::{named, reply};
use crate::interface::model::{Interface, Method};

/// The name of its type: `ThermostatHalt`.
pub(in crate::interface) fn ident(interface: &Interface<'_>, method: &Method<'_>) -> Ident {
    let words = method.ident.unraw().to_string();
    let camel: String = words
        .split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect();
    let mut ident = named(interface, &camel);
    ident.set_span(Span::call_site().located_at(method.ident.span()));
    ident
}

/// Its definition; nothing where the method takes a command that there is.
pub(super) fn command(interface: &Interface<'_>, method: &Method<'_>) -> TokenStream {
    if method.whole().is_some() {
        return TokenStream::new();
    }
    let (bus, visibility) = (&interface.bus, &interface.item.vis);
    let (ident, reply) = (ident(interface, method), reply(interface, method));
    let path = bus.to_token_stream().to_string();
    let name = format!("{}::{}", interface.item.ident.unraw(), method.ident.unraw());
    let summary = format!(" The command `{name}`, to be executed by `Client::execute` too.");
    let docs = method.docs.lines().map(|line| format!(" {line}"));
    let docs = if method.docs.is_empty() { vec![summary] } else { docs.collect() };
    let fields = method.values().map(|(field, r#type, _)| {
        let docs = format!(" The argument `{}`.", field.unraw());
        quote!(#[doc = #docs] #visibility #field: #r#type,)
    });
    quote! {
        #(#[doc = #docs])*
        #[derive(#bus::Message)]
        #[message(crate = #path, name = #name, reply = #reply)]
        #[repr(C)]
        #[allow(dead_code, missing_debug_implementations, missing_copy_implementations, unnameable_types)]
        #visibility struct #ident { #(#fields)* }
    }
}
