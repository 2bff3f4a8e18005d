//! The server's half: the topics, and the dispatch to the trait's methods.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{command_span, is_command, is_payload, named, own, shown_at};
use crate::interface::help;
use crate::interface::model::{Answer, Argument, Interface, Kind, Topic, Way};

/// `ThermostatTopics`, and what sets them up.
pub(super) fn server(interface: &Interface<'_>) -> TokenStream {
    let (bus, visibility, r#trait) = (&interface.bus, &interface.item.vis, &interface.item.ident);
    let (topics, builder) = (named(interface, "Topics"), named(interface, "TopicsBuilder"));
    let text = help::help(interface);
    let idents: Vec<_> = interface.topics.iter().map(|topic| &topic.ident).collect();
    let names = interface.topics.iter().map(|topic| &topic.name);
    let values: Vec<_> = interface.topics.iter().map(|topic| &topic.value).collect();
    let docs: Vec<_> = interface.topics.iter().map(topic_docs).collect();
    let are_payloads: Vec<_> = interface.topics.iter().map(|topic| is_payload(bus, &topic.value)).collect();
    let handlers = handlers(interface);
    let (service, opened, before) = (own("service"), own("topics"), own("before"));
    let summary = format!(" The topics of [`{trait}`], as its server has them.", r#trait = r#trait);
    let builder_summary = format!(
        " The topics of [`{trait}`] that are being set up, each with its options.",
        r#trait = r#trait
    );
    let help_summary =
        format!(" What a service that implements [`{trait}`] says of itself.", r#trait = r#trait);
    quote! {
        #[doc = #summary]
        #[derive(::core::fmt::Debug)]
        #[allow(dead_code, unnameable_types)]
        #visibility struct #topics {
            #(#docs #visibility #idents: #bus::Topic<#values>,)*
        }

        #[doc = #builder_summary]
        #[derive(::core::fmt::Debug)]
        #[must_use = "topics are created by `open`"]
        #[allow(dead_code, unnameable_types)]
        #visibility struct #builder<'s> {
            #(#docs #visibility #idents: #bus::TopicBuilder<'s, #values>,)*
            #service: &'s #bus::Service,
        }

        #[automatically_derived]
        #[allow(dead_code, deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #topics {
            #[doc = #help_summary]
            #visibility const HELP: &'static ::core::primitive::str = #text;

            /// Opens the topics at a service, and adds to its help what they and the commands are.
            ///
            /// # Errors
            /// As `TopicBuilder::open`, where the service has one of the topics already.
            #visibility fn open(service: &#bus::Service) -> #bus::Result<Self> {
                Self::builder(service).open()
            }

            /// Begins the topics at a service, to give them options; finish with `open`.
            ///
            /// An option is given as in `topics.rooms = topics.rooms.stamps(true)`.
            #visibility fn builder(service: &#bus::Service) -> #builder<'_> {
                #(#are_payloads)*
                #builder {
                    #(#idents: #bus::Service::topic::<#values>(service, #names),)*
                    #service: service,
                }
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

        #[automatically_derived]
        #[allow(dead_code, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #builder<'_> {
            /// Opens the topics, and adds to the service's help what they and the commands are.
            ///
            /// # Errors
            /// As `TopicBuilder::open`, where the service has one of the topics already, or an option cannot be served.
            #visibility fn open(self) -> #bus::Result<#topics> {
                fn open<T: #bus::Payload + ?::core::marker::Sized>(
                    topic: #bus::TopicBuilder<'_, T>,
                ) -> #bus::Result<#bus::Topic<T>> {
                    topic.open()
                }
                #(#are_payloads)*
                let #opened = #topics { #(#idents: open::<#values>(self.#idents)?,)* };
                let #before = #bus::Service::help(self.#service);
                #bus::Service::set_help(self.#service, if #before.is_empty() {
                    <::core::primitive::str as ::std::borrow::ToOwned>::to_owned(#topics::HELP)
                } else {
                    ::std::format!("{}\n{}", #before, #topics::HELP)
                });
                ::core::result::Result::Ok(#opened)
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
            let is_payload = is_payload(bus, of);
            let register = shown_at(of.span(), quote!(#bus::Handlers::<'h, __State>::#register::<#of>));
            all.extend(quote! {
                #is_payload
                let _ = #register(
                    handlers,
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
                Way::Plain | Way::Result if format.in_box => (quote!(compute_boxed), TokenStream::new()),
                Way::Plain | Way::Result => (quote!(compute), TokenStream::new()),
            };
            let is_payload = is_payload(bus, of);
            let register = shown_at(of.span(), quote!(#bus::Handlers::<'h, __State>::#register::<#of>));
            all.extend(quote! {
                #is_payload
                let _ = #register(
                    handlers,
                    #name,
                    |#state: &mut __State, #caller: &#bus::Caller<'_> #tail| #body,
                )?;
            });
        }
    }
    for method in &interface.commands {
        let passed = if method.whole().is_some() { Passed::Whole } else { Passed::Fields };
        let call = call(interface, method.ident, &method.arguments, passed);
        let body = answered(interface, &method.answer, call, &quote!(#bus::Ack {}));
        let (register, tail) = match (&method.answer.way, &method.answer.with) {
            (Way::Later, Some(with)) => (quote!(execute_later), quote!(, #reply: #bus::Reply<#with>)),
            _ => (quote!(execute), TokenStream::new()),
        };
        let (is_command, of) = is_command(interface, method);
        let register =
            shown_at(command_span(method), quote!(#bus::Handlers::<'h, __State>::#register::<#of>));
        all.extend(quote! {
            {
                #is_command
                let _ = #register(
                    handlers,
                    |#state: &mut __State, #value: &#of, #caller: &#bus::Caller<'_> #tail| #body,
                )?;
            }
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

/// What is written of a topic, by all its members: a paragraph for each.
pub(super) fn topic_docs(topic: &Topic) -> TokenStream {
    let members = topic.poke.iter().chain(&topic.computes).map(|handler| &handler.docs);
    let mut text = String::new();
    for docs in [&topic.docs].into_iter().chain(members).filter(|docs| !docs.is_empty()) {
        text += if text.is_empty() { "" } else { "\n\n" };
        text += docs;
    }
    if text.is_empty() {
        text = format!("The topic `{}`.", topic.name);
    }
    let docs = lines(&text);
    quote!(#(#[doc = #docs])*)
}

/// Documentation as it was written.
pub(super) fn lines(docs: &str) -> Vec<String> {
    docs.lines().map(|line| format!(" {line}")).collect()
}
