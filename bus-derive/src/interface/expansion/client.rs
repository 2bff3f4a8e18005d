//! The client's half: a conversation for each topic, and a method for each command.
//!
//! Topics are connected to with the client, and not at their first use: so a service that lacks one, or has another type
//! there, is an error of the connect, and what comes after cannot fail by it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::server::{lines, topic_docs};
use super::{command_span, is_command, is_payload, message, named, own, reply, shown_at};
use crate::interface::model::{Interface, Method, Topic};

/// `ThermostatClient`, and what sets it up.
pub(super) fn client(interface: &Interface<'_>) -> TokenStream {
    let (bus, visibility, r#trait) = (&interface.bus, &interface.item.vis, &interface.item.ident);
    let (client, builder) = (named(interface, "Client"), named(interface, "ClientBuilder"));
    let fields: Vec<_> = (0..interface.topics.len()).map(|index| format_ident!("topic_{}", index)).collect();
    let values: Vec<_> = interface.topics.iter().map(|topic| &topic.value).collect();
    let accessors = interface.topics.iter().zip(&fields).map(|(topic, field)| {
        let (Topic { ident, value, deprecated, .. }, docs) = (topic, topic_docs(topic));
        quote! {
            #docs
            #deprecated
            #visibility fn #ident(&self) -> &#bus::Conversation<#value> {
                &self.#field
            }
        }
    });
    let commands = interface.commands.iter().map(|method| command(interface, method));
    let names: Vec<_> = interface.topics.iter().map(|topic| &topic.name).collect();
    let (began, whole) = (own("began"), own("client"));
    let are_payloads: Vec<_> = interface.topics.iter().map(|topic| is_payload(bus, &topic.value)).collect();
    let (are_commands, messages): (Vec<_>, Vec<_>) =
        interface.commands.iter().map(|method| is_command(interface, method)).unzip();
    let requires_async = interface.commands.iter().zip(&messages).map(|(method, message)| {
        shown_at(command_span(method), quote!(required::<#message>(&self.client).await?;))
    });
    let summary = format!(" A client of services that implement [`{}`].", r#trait);
    let builder_summary = format!(" A [`{client}`] that is being set up.");
    quote! {
        #[doc = #summary]
        ///
        /// Cheap to clone, and usable from all threads.
        #[derive(::core::fmt::Debug, ::core::clone::Clone)]
        #[allow(dead_code, unnameable_types)]
        #visibility struct #client {
            client: #bus::Client,
            #(#fields: #bus::Conversation<#values>,)*
        }

        #[doc = #builder_summary]
        #[derive(::core::fmt::Debug)]
        #[must_use = "a client begins by `open`"]
        #[allow(dead_code, unnameable_types)]
        #visibility struct #builder<'b> {
            bus: &'b #bus::Bus,
            service: &'b ::core::primitive::str,
            wait: ::core::option::Option<::core::time::Duration>,
            timeout: ::core::time::Duration,
        }

        #[automatically_derived]
        #[allow(dead_code, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #client {
            /// Begins a client of the service with this name; finish with `open`.
            #visibility fn connect<'b>(
                bus: &'b #bus::Bus,
                service: &'b ::core::primitive::str,
            ) -> #builder<'b> {
                #builder {
                    bus,
                    service,
                    wait: ::core::option::Option::None,
                    timeout: ::core::time::Duration::from_secs(2),
                }
            }

            /// The conversation with the service as a whole, which commands are executed by.
            #visibility fn client(&self) -> &#bus::Client {
                &self.client
            }

            /// Whether the service carries out all commands of the interface now.
            ///
            /// # Errors
            /// `NotSupported` with the first that it does not, and those that it does; as `Client::commands`.
            #visibility fn check(&self) -> #bus::Result<()> {
                #({
                    #are_commands
                    #bus::Client::require::<#messages>(&self.client)?;
                })*
                ::core::result::Result::Ok(())
            }

            /// As `check`, without blocking a thread.
        ///
        /// # Errors
        /// As `check`.
        #visibility async fn check_async(&self) -> #bus::Result<()> {
            // In a box, so that what waits for it need not know the command, which may be wrong.
            fn required<C: #bus::Command>(
                client: &#bus::Client,
            ) -> ::core::pin::Pin<::std::boxed::Box<
                dyn ::core::future::Future<Output = #bus::Result<()>> + ::core::marker::Send + '_,
            >> {
                ::std::boxed::Box::pin(client.require_async::<C>())
            }
            #({
                #are_commands
                #requires_async
            })*
            ::core::result::Result::Ok(())
        }

        /// The same client, whose transactions wait for their answers at most so long. Default: 2 s.
            #[must_use]
            #visibility fn with_timeout(self, timeout: ::core::time::Duration) -> Self {
                fn timed<T: #bus::Payload + ?::core::marker::Sized>(
                    topic: #bus::Conversation<T>,
                    timeout: ::core::time::Duration,
                ) -> #bus::Conversation<T> {
                    topic.with_timeout(timeout)
                }
                #(#are_payloads)*
                Self {
                    client: #bus::Client::with_timeout(self.client, timeout),
                    #(#fields: timed::<#values>(self.#fields, timeout),)*
                }
            }

            /// The same client, which waits for answers in this way.
            #[must_use]
            #visibility fn with_wait(self, wait: #bus::Wait) -> Self {
                fn waiting<T: #bus::Payload + ?::core::marker::Sized>(
                    topic: #bus::Conversation<T>,
                    wait: #bus::Wait,
                ) -> #bus::Conversation<T> {
                    topic.with_wait(wait)
                }
                #(#are_payloads)*
                Self {
                    client: #bus::Client::with_wait(self.client, wait),
                    #(#fields: waiting::<#values>(self.#fields, wait),)*
                }
            }

            #(#accessors)*
            #(#commands)*
        }

        #[automatically_derived]
        #[allow(dead_code, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #builder<'_> {
            /// Waits up to `wait` in all for the service and its topics to appear, instead of failing at once where they are not
            /// there.
            #visibility fn wait(mut self, wait: ::core::time::Duration) -> Self {
                self.wait = ::core::option::Option::Some(wait);
                self
            }

            /// How long a service that is there may take to answer each connect, before it fails. Default: 2 s.
            #visibility fn timeout(mut self, timeout: ::core::time::Duration) -> Self {
                self.timeout = timeout;
                self
            }

            /// Connects to the service and to each of its topics.
            ///
            /// # Errors
            /// `NoSuchService`; `NoSuchTopic` and `TypeMismatch` where the service does not have what the interface
            /// declares; otherwise as `ConnectBuilder::open`. Whether it has the commands is for `check` to say, since a service
            /// may be visible before it has handlers.
            #visibility fn open(self) -> #bus::Result<#client> {
                #(#are_payloads)*
                let #began = ::std::time::Instant::now();
                let #whole = self.service().open()?;
                ::core::result::Result::Ok(#client {
                    client: #whole,
                    #(#fields: self.open_topic::<#values>(#names, #began)?,)*
                })
            }

            /// As `open`, without blocking a thread. Dropping the future gives the connect up.
            ///
            /// # Errors
            /// As `open`.
            #visibility async fn open_async(self) -> #bus::Result<#client> {
                #(#are_payloads)*
                let #began = ::std::time::Instant::now();
                let #whole = self.service().open_async().await?;
                ::core::result::Result::Ok(#client {
                    client: #whole,
                    #(#fields: self.open_topic_async::<#values>(#names, #began).await?,)*
                })
            }

            fn service(&self) -> #bus::ClientBuilder<'_> {
                let service = #bus::Bus::client(self.bus, self.service).timeout(self.timeout);
                match self.wait {
                    ::core::option::Option::Some(wait) => service.wait(wait),
                    ::core::option::Option::None => service,
                }
            }

            fn topic<T: #bus::Payload + ?::core::marker::Sized>(
                &self,
                name: &::core::primitive::str,
                began: ::std::time::Instant,
            ) -> #bus::ConnectBuilder<'_, T> {
                let address = ::std::format!("{}/{}", self.service, name);
                let topic = #bus::Bus::connect::<T>(self.bus, &address).timeout(self.timeout);
                match self.wait {
                    ::core::option::Option::Some(wait) => topic.wait(wait.saturating_sub(began.elapsed())),
                    ::core::option::Option::None => topic,
                }
            }

            fn open_topic<T: #bus::Payload + ?::core::marker::Sized>(
                &self,
                name: &::core::primitive::str,
                began: ::std::time::Instant,
            ) -> #bus::Result<#bus::Conversation<T>> {
                self.topic::<T>(name, began).open()
            }

            // In a box, so that what waits for it need not know the type, which may be wrong.
            fn open_topic_async<'t, T: #bus::Payload + ?::core::marker::Sized>(
                &'t self,
                name: &'t ::core::primitive::str,
                began: ::std::time::Instant,
            ) -> ::core::pin::Pin<::std::boxed::Box<
                dyn ::core::future::Future<Output = #bus::Result<#bus::Conversation<T>>> + ::core::marker::Send + 't,
            >> {
                ::std::boxed::Box::pin(async move { self.topic::<T>(name, began).open_async().await })
            }
        }
    }
}

/// The three methods of a command.
fn command(interface: &Interface<'_>, method: &Method<'_>) -> TokenStream {
    let (bus, visibility, ident) = (&interface.bus, &interface.item.vis, method.ident);
    let deprecated = &method.deprecated;
    let (begin, r#async) =
        (format_ident!("begin_{}", ident.unraw()), format_ident!("{}_async", ident.unraw()));
    let (message, reply) = (message(interface, method), reply(interface, method));
    let pending = shown_at(reply.span(), quote!(#bus::Pending<#reply>));
    let docs = match method.docs.is_empty() {
        true => vec![format!(" Has the service carry out `{}`.", ident.unraw())],
        false => lines(&method.docs),
    };
    let arguments: Vec<_> = method
        .values()
        .map(
            |(ident, r#type, by_reference)| {
                if by_reference { quote!(#ident: &#r#type) } else { quote!(#ident: #r#type) }
            },
        )
        .collect();
    let command = match method.whole() {
        Some((ident, _)) => quote!(#ident),
        None => {
            let fields = method.values().map(|(ident, _, by_reference)| {
                if by_reference {
                    quote!(#ident: ::core::clone::Clone::clone(#ident))
                } else {
                    quote!(#ident)
                }
            });
            quote!(&#message { #(#fields),* })
        }
    };
    // Under the user's own heading, where there is one.
    let errors: &[&str] = match method.docs.lines().any(|line| line.trim() == "# Errors") {
        true => &[" Otherwise as `Client::execute`."],
        false => &[" # Errors", " As `Client::execute`."],
    };
    let (span, (is_command, of)) = (command_span(method), is_command(interface, method));
    let [execute, begin_execute, execute_async] = ["execute", "begin_execute", "execute_async"].map(|verb| {
        let verb = format_ident!("{}", verb);
        shown_at(span, quote!(#bus::Client::#verb::<#of>(&self.client, #command)))
    });
    // The future, and waiting for it, are further uses of the type.
    let execute_async = shown_at(span, quote!({ #is_command #execute_async.await }));
    let (begin_docs, async_docs) = (
        format!(" As [`{}`](Self::{0}), without waiting for the reply.", ident.unraw()),
        format!(" As [`{}`](Self::{0}), without blocking a thread.", ident.unraw()),
    );
    quote! {
        #(#[doc = #docs])*
        ///
        #(#[doc = #errors])*
        #deprecated
        #visibility fn #ident(&self, #(#arguments),*) -> #bus::Result<#reply> {
            #is_command
            #execute
        }

        #[doc = #begin_docs]
        ///
        /// # Errors
        /// As `Client::begin_execute`.
        #deprecated
        #visibility fn #begin(&self, #(#arguments),*) -> #bus::Result<#pending> {
            #is_command
            #begin_execute
        }

        #[doc = #async_docs]
        ///
        /// # Errors
        /// As `Client::execute_async`.
        #deprecated
        #visibility async fn #r#async(&self, #(#arguments),*) -> #bus::Result<#reply> #execute_async
    }
}
