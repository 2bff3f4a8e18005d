//! Stage three: what cannot be declared.

use std::collections::BTreeMap;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{FnArg, Ident, ReceiverKind, Safety, Signature, Type};

use super::expansion;
use super::model::{Interface, argument_of, is_caller, last_segment};
use crate::errors::Errors;
use crate::refusals;

/// What the client has whatever the interface declares.
const OF_THE_CLIENT: [&str; 6] = ["connect", "client", "check", "check_async", "with_timeout", "with_wait"];

/// What the types are called that are made of the trait whatever it declares, after its name.
const OF_THE_TRAIT: [&str; 4] = ["Topics", "TopicsBuilder", "Client", "ClientBuilder"];

/// Adds to `errors` all that is wrong with the interface as a whole.
pub(super) fn check(interface: &Interface<'_>, errors: &mut Errors) {
    let item = interface.item;
    if !item.generics.params.is_empty() {
        errors.at(
            &item.generics,
            "an interface has no parameters: its topics and commands are known to peers by their names alone, which \
             would be the same for all arguments; declare a trait for each",
        );
    }
    if let Some(clause) = &item.generics.where_clause {
        errors.at(clause, "an interface has no `where`; require other traits as in `trait Thermostat: Send`");
    }
    if let Some(auto) = &item.modifiers.auto_token {
        errors.at(auto, "an interface is implemented by its server; remove `auto`");
    }
    check_topic_names(interface, errors);
    check_names(interface, errors);
}

/// That each topic has a name that a service may give.
fn check_topic_names(interface: &Interface<'_>, errors: &mut Errors) {
    for topic in &interface.topics {
        let name = &topic.name;
        let mut refuse = |message: &str| errors.push(syn::Error::new(topic.name_span, message));
        if name == "system" || name.starts_with("system.") {
            refuse(
                "`system` and names that begin with `system.` are the service's own topics; use another name, or \
                 give one by `name = \"…\"`",
            );
        } else if name.is_empty()
            || name.len() > 255
            || name.contains('/')
            || name == "*"
            || name.chars().any(char::is_control)
        {
            refuse(
                "the name of a topic has 1 to 255 bytes, without `/` and control characters, and is not `*`",
            );
        }
    }
}

/// That no two methods of the client have one name, nor two types of the expansion.
fn check_names(interface: &Interface<'_>, errors: &mut Errors) {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for name in OF_THE_CLIENT {
        taken.insert(name.to_owned(), "which every client has".to_owned());
    }
    let mut take = |name: String, whose: String, span: Span, errors: &mut Errors| {
        let other = taken.get(&name);
        if let Some(other) = other {
            let message =
                format!("the client would have two methods `{name}`: this, and that {other}; rename this");
            errors.push(syn::Error::new(span, message));
            return false;
        }
        taken.insert(name, whose);
        true
    };
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    for what in OF_THE_TRAIT {
        types.insert(format!("{}{what}", interface.item.ident.unraw()), "made of the trait".to_owned());
    }
    for topic in &interface.topics {
        let whose = format!("of the topic `{}`", topic.name);
        take(topic.ident.unraw().to_string(), whose, topic.ident.span(), errors);
    }
    for command in &interface.commands {
        let name = command.ident.unraw().to_string();
        let whose = format!("of the command `{name}`");
        // One error is enough, as all are of one name.
        let mut methods = [name.clone(), format!("begin_{name}"), format!("{name}_async")].into_iter();
        let is_free = methods.all(|method| take(method, whose.clone(), command.ident.span(), errors));
        if !is_free || command.whole().is_some() {
            continue;
        }
        let r#type = expansion::command_ident(interface, command).to_string();
        if let Some(other) = types.get(&r#type) {
            let message = format!(
                "the message of the command `{name}` would be called `{type}`, as what is {other} is; rename this",
                r#type = r#type
            );
            errors.push(syn::Error::new(command.ident.span(), message));
        } else {
            types.insert(r#type, format!("of the command `{name}`"));
        }
    }
}

/// Whether a method can be called for a client that is elsewhere; adds why not.
pub(super) fn check_signature(signature: &Signature, errors: &mut Errors) -> Option<()> {
    let mut sound = Some(());
    let mut refuse = |tokens: &dyn ToTokens, message: &str| {
        errors.at(tokens.to_token_stream(), message);
        sound = None;
    };
    if let Some(r#async) = &signature.asyncness {
        refuse(
            r#async,
            "handlers are called one after the other and wait for nothing; take `reply: Reply<…>` instead, and answer \
             by it when the answer is there, from any thread or task",
        );
    }
    if let Some(r#const) = &signature.constness {
        refuse(r#const, "a method of an interface is called at run time; remove `const`");
    }
    if let Safety::Unsafe(r#unsafe) = &signature.safety {
        refuse(r#unsafe, "clients cannot promise anything; remove `unsafe`, and check what they send");
    }
    if let Some(abi) = &signature.abi {
        refuse(abi, "a method of an interface is called from Rust; remove this");
    }
    if !signature.generics.params.is_empty() {
        refuse(
            &signature.generics,
            "a command has one type, so the method has no parameters; use types, and `'_` for lifetimes",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        refuse(clause, "a method of an interface has no `where`; remove it");
    }
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) if matches!(receiver.kind, ReceiverKind::Reference(..)) => {}
        Some(FnArg::Receiver(receiver)) => {
            refuse(receiver, "the state stays with the service; take `&mut self` or `&self`");
        }
        _ => refuse(
            &signature.ident,
            "the method needs the service's state; begin with `&mut self` or `&self`",
        ),
    }
    sound
}

/// Whether a type in a signature is the same wherever it is written; adds why not.
pub(super) fn check_type(r#type: &Type, errors: &mut Errors) -> Option<()> {
    if let Some(span) = own_type(r#type.to_token_stream()) {
        errors.push(syn::Error::new(
            span,
            "the client does not know what `Self` is at the service; write the type, or declare a struct for it",
        ));
        return None;
    }
    let referred = if let Type::Reference(reference) = r#type { &*reference.elem } else { r#type };
    let last = last_segment(referred);
    let wrong = if last.is_some_and(|last| last.ident == "Reply" && last.arguments.is_none()) {
        "what is the answer? Write its type, as in `reply: Reply<u64>`, or `Reply<Ack>` for none"
    } else if argument_of(referred, "Reply").is_some() && matches!(r#type, Type::Reference(_)) {
        "who answers uses the right to do so up; take it by value, as in `reply: Reply<u64>`"
    } else if last.is_some_and(|last| last.ident == "Caller") && !is_caller(r#type) {
        "the caller is looked at, and stays with the request; take `&Caller<'_>`"
    } else {
        return Some(());
    };
    errors.at(r#type, wrong);
    None
}

/// Where `Self` is in a type.
fn own_type(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "Self" => Some(ident.span()),
        TokenTree::Group(group) => own_type(group.stream()),
        _ => None,
    })
}

/// Whether what a topic carries can be told by its name to be no message; adds why not.
pub(super) fn check_value(r#type: &Type, errors: &mut Errors) -> Option<()> {
    match r#type {
        Type::Slice(slice) => check_message(&slice.elem, errors),
        other => check_message(other, errors),
    }
}

/// Whether an argument or a reply of a command, which lie in slots, can be told to be no message; adds why not.
pub(super) fn check_in_slot(r#type: &Type, errors: &mut Errors) -> Option<()> {
    let text = matches!(r#type, Type::Path(path) if path.path.is_ident("str"));
    if text || matches!(r#type, Type::Slice(_)) {
        errors.at(
            r#type,
            "commands and their replies have a size that is known before; use `FixedVec<T, N>` for several values, \
             and `FixedStr<N>` for text",
        );
        return None;
    }
    check_message(r#type, errors)
}

/// As the derive does with fields: one error here instead of the compiler's for each use of the type.
fn check_message(r#type: &Type, errors: &mut Errors) -> Option<()> {
    match r#type {
        Type::Tuple(tuple) if tuple.elems.is_empty() => {
            errors.at(r#type, "`()` is no message; use `Ack`, which says yes and nothing else");
        }
        _ => {
            let Some(refusal) = refusals::of(r#type) else { return Some(()) };
            errors.at(refusal.at, refusal.message);
        }
    }
    None
}

/// Whether a lone reference can be a command; adds why not.
pub(super) fn check_whole(ident: &Ident, r#type: &Type, errors: &mut Errors) -> Option<()> {
    const PRIMITIVES: [&str; 14] =
        ["u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64", "bool", "char"];
    if let Type::Path(path) = r#type
        && let Some(name) = path.path.get_ident().map(ToString::to_string)
        && PRIMITIVES.contains(&name.as_str())
    {
        errors.at(
            r#type,
            format_args!(
                "a lone reference is the command itself, which `{name}` is not; write `{ident}: {name}`"
            ),
        );
        return None;
    }
    Some(())
}
