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

use proc_macro2::TokenStream;
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
            let mut error = syn::Error::new(error.span(), format_args!("{what}: {error}"));
            if syn::parse2::<syn::Item>(input.clone()).is_ok() {
                error = syn::Error::new_spanned(&input, what);
            }
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
