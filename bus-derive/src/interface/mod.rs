//! `#[bus::interface]`: from a trait, the typed client and the dispatch of the server.
//!
//! The stages are those of the derive, each a file:
//!
//! ```text
//! attributes    what stands in #[topic], #[poke], #[compute] and #[execute]
//! model         what the trait declares: topics with their verbs, and commands with their arguments and replies
//! checks        what cannot be declared, and what to write instead
//! expansion     the trait, its topics (server), its commands (command) and its client (client)
//! help          what the service says of itself: the declaration as a text
//! ```
//!
//! After an error the trait alone is left, so that its implementations bring no errors of their own. The expansion uses
//! the public interface of `bus` and nothing else: whatever it does can be written by hand.

mod attributes;
mod checks;
mod expansion;
mod help;
mod model;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ItemTrait;

use crate::errors::Errors;
use model::Interface;

/// The stages; `arguments` are those of the attribute.
pub(crate) fn interface(arguments: TokenStream, input: TokenStream) -> TokenStream {
    let item: ItemTrait = match syn::parse2(input.clone()) {
        Ok(item) => item,
        Err(error) => {
            let what = "`#[bus::interface]` belongs on a trait, whose members are topics, pokes, computed items \
                and commands";
            // Where it is an item of another kind, nothing in it is wrong but the attribute.
            let error = match syn::parse2::<syn::Item>(input.clone()) {
                Ok(_) => syn::Error::new(Span::call_site(), format_args!("{what}; remove it here")),
                Err(_) => syn::Error::new(error.span(), format_args!("{what}: {error}")),
            };
            let error = error.into_compile_error();
            return quote!(#error #input);
        }
    };
    let mut errors = Errors::default();
    let bus = attributes::crate_path(arguments, &mut errors);
    let interface = Interface::of(&item, bus, &mut errors);
    checks::check(&interface, &mut errors);
    match errors.into_compile_errors() {
        None => expansion::expand(&interface),
        Some(compile_errors) => {
            let stand_in = expansion::bare_trait(&item);
            quote!(#compile_errors #stand_in)
        }
    }
}
