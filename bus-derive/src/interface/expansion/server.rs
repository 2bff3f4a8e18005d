//! The server's half: the topics, and the dispatch to the trait's methods.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{message, named, own, shown_at};
use crate::interface::help;
use crate::interface::model::{Answer, Argument, Interface, Kind, Topic, Way};

/// `ThermostatTopics`.
pub(super) fn server(interface: &Interface<'_>) -> TokenStream {
    let (bus, visibility, r#trait) = (&interface.bus, &interface.item.vis, &interface.item.ident);
    let (topics, text) = (named(interface, "Topics"), help::help(interface));
    let fields = interface.topics.iter().map(|Topic { ident, name, value, docs, .. }| {
        let docs = if docs.is_empty() { vec![format!(" The topic `{name}`.")] } else { lines(docs) };
        quote!(#(#[doc = #docs])* #visibility #ident: #bus::Topic<#value>,)
    });
    let opened = interface.topics.iter().map(|Topic { ident, name, value, .. }| {
        let opened = quote!(#bus::Service::topic::<#value>(service, #name).open()?);
        let opened = shown_at(value.span(), opened);
        quote!(#ident: #opened,)
    });
    let handlers = handlers(interface);
    let (opened_topics, before) = (own("topics"), own("before"));
    let summary = format!(" The topics of [`{trait}`], as its server has them.", r#trait = r#trait);
    let help_summary =
        format!(" What a service that implements [`{trait}`] says of itself.", r#trait = r#trait);
    quote! {
        #[doc = #summary]
        #[derive(::core::fmt::Debug)]
        #[allow(dead_code, unnameable_types)]
        #visibility struct #topics { #(#fields)* }

        #[automatically_derived]
        #[allow(dead_code, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #topics {
            #[doc = #help_summary]
            #visibility const HELP: &'static ::core::primitive::str = #text;

            /// Opens the topics at a service, and adds to its help what they and the commands are.
            ///
            /// Topics with options of their own are opened by hand, as the fields of this.
            ///
            /// # Errors
            /// As `TopicBuilder::open`, where the service has one of the topics already.
            #visibility fn open(service: &#bus::Service) -> #bus::Result<Self> {
                let #opened_topics = Self { #(#opened)* };
                let #before = #bus::Service::help(service);
                #bus::Service::set_help(service, if #before.is_empty() {
                    <::core::primitive::str as ::std::borrow::ToOwned>::to_owned(Self::HELP)
                } else {
                    ::std::format!("{}\n{}", #before, Self::HELP)
                });
                ::core::result::Result::Ok(#opened_topics)
            }

            /// Has the methods of the state answer pokes, computed requests and commands: those of one interface, beside
            /// whatever else there are handlers of. The topics have to be open.
            ///
            /// # Errors
            /// `NoSuchTopic` where they are not.
            #visibility fn handle<'h, __State: #r#trait + 'h>(
                handlers: &mut #bus::Handlers<'h, __State>,
            ) -> #bus::Result<()> {
                #handlers
                let _ = handlers;
                ::core::result::Result::Ok(())
            }
        }
    }
}

fn handlers(interface: &Interface<'_>) -> TokenStream {
    let bus = &interface.bus;
    let (state, value, caller, reply) = (own("state"), own("value"), own("caller"), own("reply"));
    let mut all = TokenStream::new();
    for topic in &interface.topics {
        let name = &topic.name;
        if let Some(poke) = &topic.poke {
            let of = &poke.value;
            let call = call(interface, &poke.ident, &poke.arguments, Passed::Whole);
            let body = answered(interface, &poke.answer, call, &quote!(()));
            let (register, tail) = match poke.answer.way {
                Way::Later => (quote!(poke_later), quote!(, #reply: #bus::Reply<#bus::Ack>)),
                Way::Plain | Way::Result => (quote!(poke), TokenStream::new()),
            };
            all.extend(quote! {
                let _ = handlers.#register(
                    #name,
                    |#state: &mut __State, #value: &#of, #caller: &#bus::Caller<'_> #tail| #body,
                )?;
            });
        }
        for format in &topic.computes {
            let of = &format.value;
            let call = call(interface, &format.ident, &format.arguments, Passed::Whole);
            let body = answered(interface, &format.answer, call, &TokenStream::new());
            let (register, tail) = match format.answer.way {
                Way::Later => (quote!(compute_later), quote!(, #reply: #bus::Reply<#of>)),
                Way::Plain | Way::Result => (quote!(compute), TokenStream::new()),
            };
            all.extend(quote! {
                let _ = handlers.#register::<#of>(
                    #name,
                    |#state: &mut __State, #caller: &#bus::Caller<'_> #tail| #body,
                )?;
            });
        }
    }
    for method in &interface.commands {
        let of = message(interface, method);
        let passed = if method.whole().is_some() { Passed::Whole } else { Passed::Fields };
        let call = call(interface, method.ident, &method.arguments, passed);
        let body = answered(interface, &method.answer, call, &quote!(#bus::Ack {}));
        let (register, tail) = match (&method.answer.way, &method.answer.with) {
            (Way::Later, Some(with)) => (quote!(execute_later), quote!(, #reply: #bus::Reply<#with>)),
            _ => (quote!(execute), TokenStream::new()),
        };
        all.extend(quote! {
            let _ = handlers.#register(
                |#state: &mut __State, #value: &#of, #caller: &#bus::Caller<'_> #tail| #body,
            )?;
        });
    }
    all
}

/// What of a message is an argument.
#[derive(Clone, Copy)]
enum Passed {
    Whole,
    Fields,
}

/// Calls a method of the state.
fn call(
    interface: &Interface<'_>,
    ident: &syn::Ident,
    arguments: &[Argument],
    passed: Passed,
) -> TokenStream {
    let (state, value, caller, reply) = (own("state"), own("value"), own("caller"), own("reply"));
    let r#trait = &interface.item.ident;
    let arguments = arguments.iter().map(|argument| {
        let field = &argument.ident;
        match (&argument.kind, passed) {
            (Kind::Caller, _) => quote!(#caller),
            (Kind::Reply, _) => quote!(#reply),
            (Kind::Value { .. }, Passed::Whole) => quote!(#value),
            (Kind::Value { by_reference: true, .. }, Passed::Fields) => quote!(&#value.#field),
            // An argument is copied out of what was received; errors point to its type.
            (Kind::Value { r#type, .. }, Passed::Fields) => {
                quote_spanned!(r#type.span()=> <#r#type as ::core::clone::Clone>::clone(&#value.#field))
            }
        }
    });
    quote!(<__State as #r#trait>::#ident(#state, #(#arguments),*))
}

/// What a handler returns for the method's answer; `yes` is what it is where there is nothing to say.
fn answered(interface: &Interface<'_>, answer: &Answer, call: TokenStream, yes: &TokenStream) -> TokenStream {
    let bus = &interface.bus;
    let into = quote!(<#bus::Refusal as ::core::convert::From<_>>::from);
    let body = match (answer.way, &answer.with) {
        (Way::Later, _) => quote!({ #call; }),
        (Way::Result, Some(_)) => quote!(::core::result::Result::map_err(#call, #into)),
        (Way::Result, None) => {
            quote!(::core::result::Result::map_err(::core::result::Result::map(#call, |()| #yes), #into))
        }
        (Way::Plain, Some(_)) => quote!(::core::result::Result::Ok(#call)),
        (Way::Plain, None) => quote!({ #call; ::core::result::Result::Ok(#yes) }),
    };
    shown_at(answer.span, body)
}

/// Documentation as it was written.
pub(super) fn lines(docs: &str) -> Vec<String> {
    docs.lines().map(|line| format!(" {line}")).collect()
}
