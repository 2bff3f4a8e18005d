//! What an interface refuses, and in which words; and what the trait is afterwards.

use proc_macro2::TokenStream;
use quote::quote;

use super::interface;

/// Asserts that each member is refused by an error with these words, and that no other error comes with it.
macro_rules! refused {
    ($($words:literal: { $($member:tt)* })*) => {$(
        assert_refused(quote!(trait Thermostat { $($member)* }), $words);
    )*};
}

#[track_caller]
fn assert_refused(input: TokenStream, words: &str) {
    let text = interface(TokenStream::new(), input).to_string();
    assert_eq!(text.matches("compile_error").count(), 1, "{words}: {text}");
    assert!(text.contains(words), "expected an error with `{words}`, found {text}");
    assert!(!text.contains("struct ThermostatClient"), "{text}");
}

#[test]
fn members_that_cannot_be_are_refused() {
    refused! {
        "what is this method for?": { fn halt(&mut self); }
        "nothing else; remove this": { type Room; }
        "other constants do not belong": { const LIMIT: f64; }
        "expected `Topic<…>`": { #[topic] const LIMIT: f64; }
        "a topic has no value here": { #[topic] const LIMIT: Topic<f64> = 1.0; }
        "is declared twice": { #[topic] const A: Topic<f64>; #[topic(name = "a")] const B: Topic<f64>; }
        "`#[topic]` is for constants": { #[topic] fn limit(&self) -> f64; }
        "this is for methods": { #[poke] const LIMIT: Topic<f64>; }
        "a member is for one of": { #[poke] #[execute] fn limit(&mut self, value: &f64); }
        "is there always": { #[cfg(unix)] #[execute] fn halt(&mut self); }
        "with all its arguments": { #[execute] fn halt(&mut self, #[cfg(unix)] minutes: u64, hard: bool); }
        "has no such argument": { #[topic(history = 4)] const LIMIT: Topic<f64>; }
        "stands alone": { #[execute(name = "halt")] fn halt(&mut self); }
    }
}

#[test]
fn signatures_that_cannot_be_are_refused() {
    refused! {
        "take `reply: Reply<…>` instead": { #[execute] async fn halt(&mut self); }
        "clients cannot promise anything": { #[execute] unsafe fn halt(&mut self); }
        "a command has one type": { #[execute] fn halt<T>(&mut self, value: T); }
        "take `&mut self` or `&self`": { #[execute] fn halt(self); }
        "begin with `&mut self` or `&self`": { #[execute] fn halt(minutes: u64); }
        "the argument needs a name": { #[execute] fn halt(&mut self, (a, b): (u8, u8)); }
        "remove `mut`": { #[execute] fn halt(&mut self, minutes: &mut u64); }
        "there is one caller": { #[execute] fn halt(&mut self, a: &Caller<'_>, b: &Caller<'_>); }
        "take `&Caller<'_>`": { #[execute] fn halt(&mut self, caller: Caller<'_>); }
        "stays with the request": { #[execute] fn halt(&mut self, caller: &mut Caller<'_>); }
        "take it by value": { #[execute] fn halt(&mut self, reply: &Reply<u64>); }
        "there is one answer": { #[execute] fn halt(&mut self, a: Reply<u64>, b: Reply<u64>); }
        "answers by it; return nothing": { #[execute] fn halt(&mut self, a: Reply<u64>) -> u64; }
        "write the type, or": { #[execute] fn halt(&mut self, other: Option<Self>); }
        "what is the answer?": { #[execute] fn halt(&mut self, reply: Reply); }
        "have a size that is known before": { #[execute] fn halt(&mut self, rooms: &[u8], minutes: u64); }
        "`FixedStr<N>` for text": { #[execute] fn halt(&mut self, room: &str); }
        "several values": { #[execute] fn halt(&mut self, reply: Reply<[u8]>); }
        "which `u64` is not; write `minutes: u64`": { #[execute] fn halt(&mut self, minutes: &u64); }
        "`Duration` has no defined layout": { #[execute] fn halt(&mut self, time: Duration); }
        "on the heap of one process": { #[topic] const ROOMS: Topic<[String]>; }
        "`()` is no message; use `Ack`": { #[execute] fn halt(&mut self, reply: Reply<()>); }
        "points to the heap": { #[compute] fn mean(&mut self) -> Result<Box<Box<f64>>, Refusal>; }
        "on the heap of one": { #[compute] fn mean(&mut self) -> Box<[String]>; }
        "a poke has one value, by reference": { #[poke] fn limit(&mut self, value: f64); }
        "brings nothing back": { #[poke] fn limit(&mut self, value: &f64) -> f64; }
        "pokes of it bring": { #[topic] const A: Topic<f64>; #[poke] fn a(&mut self, value: &f32); }
        "depends on the item alone": { #[compute] fn mean(&mut self, days: u64) -> f64; }
        "a computed item has a value": { #[compute] fn mean(&mut self); }
        "are computed as `f64` already": {
            #[compute] fn mean(&self) -> f64; #[compute(name = "mean")] fn average(&self) -> f64;
        }
    }
}

#[test]
fn names_that_are_taken_are_refused() {
    refused! {
        "are the service's own topics": { #[topic] const SYSTEM: Topic<f64>; }
        "begin with `system.`": { #[topic(name = "system.more")] const MORE: Topic<f64>; }
        "without `/`": { #[topic(name = "a/b")] const MORE: Topic<f64>; }
        "two methods `connect`": { #[topic] const CONNECT: Topic<f64>; }
        "two methods `halt`": { #[topic] const HALT: Topic<f64>; #[execute] fn halt(&mut self); }
        "`ThermostatTopics`, as what is made of the trait is": { #[execute] fn topics(&mut self); }
        "`ThermostatClientBuilder`, as what is made": { #[execute] fn client_builder(&mut self); }
        "`ThermostatHalt1`, as what is of the command `halt_1`": { #[execute] fn halt_1(&self); #[execute] fn halt1(&self); }
        "two methods `begin_halt`": { #[execute] fn halt(&mut self); #[topic] const BEGIN_HALT: Topic<f64>; }
    }
}

#[test]
fn traits_that_cannot_be_are_refused() {
    assert_refused(
        quote!(
            trait Thermostat<T> {}
        ),
        "an interface has no parameters",
    );
    assert_refused(
        quote!(
            trait Thermostat
            where
                Self: Send,
            {
            }
        ),
        "an interface has no `where`",
    );
    assert_refused(
        quote!(
            struct Thermostat;
        ),
        "and commands; remove it here",
    );
    let text = interface(
        quote!(path = "bus"),
        quote!(
            trait Thermostat {}
        ),
    )
    .to_string();
    assert!(text.contains("there can be `crate ="), "{text}");
}

#[test]
fn all_errors_are_told_of_at_once_and_the_trait_is_left() {
    let input = quote! {
        trait Thermostat {
            fn halt(&mut self);
            #[topic] const SYSTEM: Topic<f64>;
            #[execute] async fn order(&mut self);
        }
    };
    let text = interface(TokenStream::new(), input).to_string();
    assert_eq!(text.matches("compile_error").count(), 3, "{text}");
    let bare = quote!(
        trait Thermostat {
            fn halt(&mut self);
            async fn order(&mut self);
        }
    )
    .to_string();
    assert!(text.ends_with(&bare), "{text}");
}

#[test]
fn what_is_deprecated_is_deprecated_for_clients_and_the_dispatch_does_not_complain() {
    let input = quote! {
        trait Thermostat {
            #[deprecated = "use stop"] #[execute] fn halt(&mut self);
            #[deprecated] #[topic] const LIMIT: Topic<f64>;
            #[deprecated] #[poke] fn setpoint(&mut self, value: &f64);
        }
    };
    let text = interface(TokenStream::new(), input).to_string();
    let client = &text[text.find("impl ThermostatClient").unwrap()..];
    assert_eq!(client.matches("# [deprecated = \"use stop\"]").count(), 3, "{client}");
    assert_eq!(client.matches("# [deprecated]").count(), 2, "{client}");
    let dispatch = &text[..text.find("impl ThermostatTopics {").unwrap()];
    assert!(dispatch[dispatch.rfind("# [allow").unwrap()..].contains("deprecated"), "{dispatch}");
}

#[test]
fn each_member_of_a_topic_has_a_paragraph_of_its_documentation() {
    let input = quote! {
        trait Thermostat {
            /// In numbers.
            #[compute] fn mean(&self) -> f64;
            /// In words.
            #[compute(name = "mean")] fn words(&self) -> FixedStr<64>;
            #[topic] const LIMIT: Topic<f64>;
        }
    };
    let text = interface(TokenStream::new(), input).to_string();
    let paragraphs = r#"# [doc = " In numbers."] # [doc = " "] # [doc = " In words."] fn mean"#;
    assert!(text.contains(paragraphs), "{text}");
    assert!(text.contains(r#"# [doc = " The topic `limit`."]"#), "{text}");
}
