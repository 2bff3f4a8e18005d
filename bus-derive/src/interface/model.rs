//! Stage two: what the trait declares, without the syntax around it.
//!
//! Members of one topic name are one topic: its declaration, who takes its pokes, and who computes its items, in as
//! many formats as there are.

use proc_macro2::Span;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, ItemTrait, Pat, Path, PathArguments, ReturnType, TraitItem,
    TraitItemConst, TraitItemFn, Type,
};

use super::attributes::{MemberAttributes, Verb, check_unconditional};
use super::checks;
use crate::errors::Errors;

/// A trait that declares what a service has.
pub(super) struct Interface<'a> {
    pub(super) item: &'a ItemTrait,
    /// The path of the `bus` crate.
    pub(super) bus: Path,
    pub(super) docs: String,
    pub(super) topics: Vec<Topic>,
    pub(super) commands: Vec<Method<'a>>,
}

/// A topic, of whatever members speak of it.
pub(super) struct Topic {
    /// By which it is reached in Rust.
    pub(super) ident: Ident,
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) value: Type,
    pub(super) unit: Option<String>,
    pub(super) docs: String,
    /// The attribute, if the member that declares it has it.
    pub(super) deprecated: Option<Attribute>,
    /// Of pokes.
    pub(super) poke: Option<Handler>,
    /// Of computed items, the richest first.
    pub(super) computes: Vec<Handler>,
}

/// A method that a topic's transactions are answered by.
pub(super) struct Handler {
    pub(super) ident: Ident,
    pub(super) docs: String,
    pub(super) value: Type,
    /// Whether a computed value is returned in a box.
    pub(super) in_box: bool,
    pub(super) arguments: Vec<Argument>,
    pub(super) answer: Answer,
}

/// A method that carries out a command.
pub(super) struct Method<'a> {
    pub(super) ident: &'a Ident,
    pub(super) docs: String,
    pub(super) deprecated: Option<Attribute>,
    pub(super) arguments: Vec<Argument>,
    pub(super) answer: Answer,
}

/// An argument after `self`.
pub(super) struct Argument {
    pub(super) ident: Ident,
    pub(super) kind: Kind,
}

/// What is passed as an argument.
pub(super) enum Kind {
    /// Who asks.
    Caller,
    /// The right to answer later.
    Reply,
    /// What the client sent.
    Value { r#type: Box<Type>, by_reference: bool },
}

/// How a method answers.
pub(super) struct Answer {
    pub(super) way: Way,
    /// With what; `None` for nothing but yes.
    pub(super) with: Option<Type>,
    pub(super) span: Span,
}

/// In which form a method answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It returns a value always.
    Plain,
    /// It returns a value or a refusal.
    Result,
    /// By a `Reply` that it is given.
    Later,
}

impl Method<'_> {
    /// The arguments that the client gives.
    pub(super) fn values(&self) -> impl Iterator<Item = (&Ident, &Type, bool)> {
        values(&self.arguments)
    }

    /// The message that is the command itself: a lone reference.
    pub(super) fn whole(&self) -> Option<(&Ident, &Type)> {
        let mut values = self.values();
        match (values.next(), values.next()) {
            (Some((ident, r#type, true)), None) => Some((ident, r#type)),
            _ => None,
        }
    }
}

pub(super) fn values(arguments: &[Argument]) -> impl Iterator<Item = (&Ident, &Type, bool)> {
    arguments.iter().filter_map(|argument| match &argument.kind {
        Kind::Value { r#type, by_reference } => Some((&argument.ident, &**r#type, *by_reference)),
        Kind::Caller | Kind::Reply => None,
    })
}

impl<'a> Interface<'a> {
    pub(super) fn of(item: &'a ItemTrait, bus: Path, errors: &mut Errors) -> Self {
        let docs = crate::attributes::docs(&item.attrs);
        let mut interface = Self { item, bus, docs, topics: Vec::new(), commands: Vec::new() };
        let (mut pokes, mut computes) = (Vec::new(), Vec::new());
        for member in &item.items {
            match member {
                TraitItem::Const(constant) => interface.read_constant(constant, errors),
                TraitItem::Fn(method) => {
                    let attributes = MemberAttributes::read(&method.attrs, errors);
                    let Some((verb, span)) = attributes.verb else {
                        errors.at(
                            &method.sig.ident,
                            "what is this method for? Add `#[execute]` for a command, `#[poke]` or `#[compute]` for a \
                             topic's items; other methods belong in another trait, or in the implementation",
                        );
                        continue;
                    };
                    match verb {
                        Verb::Topic => errors.push(syn::Error::new(
                            span,
                            "`#[topic]` is for constants, as in `#[topic] const TEMPERATURE: Topic<f64>;`; a method \
                             is for `#[poke]` or `#[compute]`, which make a topic too",
                        )),
                        Verb::Poke => pokes.push((method, attributes)),
                        Verb::Compute => computes.push((method, attributes)),
                        Verb::Execute => interface.commands.extend(command(method, attributes, errors)),
                    }
                }
                other => errors.at(
                    other,
                    "an interface has topics (`#[topic] const NAME: Topic<f64>;`) and methods with `#[poke]`, \
                     `#[compute]` or `#[execute]`, and nothing else; remove this",
                ),
            }
        }
        for (method, attributes) in pokes {
            interface.read_poke(method, attributes, errors);
        }
        for (method, attributes) in computes {
            interface.read_compute(method, attributes, errors);
        }
        interface
    }

    fn read_constant(&mut self, constant: &TraitItemConst, errors: &mut Errors) {
        const FORM: &str = "a topic is declared as in `#[topic] const TEMPERATURE: Topic<f64>;`";
        let attributes = MemberAttributes::read(&constant.attrs, errors);
        match attributes.verb {
            Some((Verb::Topic, _)) => {}
            Some((_, span)) => {
                errors.push(syn::Error::new(span, format_args!("this is for methods; {FORM}")));
                return;
            }
            None => {
                errors.at(
                    &constant.ident,
                    format_args!("{FORM}; other constants do not belong in an interface"),
                );
                return;
            }
        }
        if let Some((_, value)) = &constant.default {
            errors.at(value, format_args!("a topic has no value here; {FORM}, and the server publishes"));
        }
        let Some(value) = argument_of(&constant.ty, "Topic") else {
            errors.at(&constant.ty, format_args!("expected `Topic<…>` with the type of the items; {FORM}"));
            return;
        };
        if checks::check_value(value, errors).is_none() {
            return;
        }
        let name = topic_name(&attributes, &constant.ident.unraw().to_string().to_lowercase());
        if self.topics.iter().any(|topic| topic.name == name) {
            errors.at(
                &constant.ident,
                format_args!("the topic `{name}` is declared twice; remove one, or give it another `name`"),
            );
            return;
        }
        let lower = constant.ident.unraw().to_string().to_lowercase();
        self.topics.push(Topic {
            ident: identifier(&lower, constant.ident.span()),
            name_span: name_span(&attributes, constant.ident.span()),
            name,
            value: value.clone(),
            unit: attributes.unit.as_ref().map(syn::LitStr::value),
            docs: attributes.docs,
            deprecated: attributes.deprecated,
            poke: None,
            computes: Vec::new(),
        });
    }

    fn read_poke(&mut self, method: &TraitItemFn, attributes: MemberAttributes, errors: &mut Errors) {
        let Some((arguments, answer)) = signature(method, errors) else { return };
        let given: Vec<_> = values(&arguments).map(|(_, value, by)| (value.clone(), by)).collect();
        let [(value, true)] = &*given else {
            errors.at(
                &method.sig.ident,
                "a poke has one value, by reference, as in `fn setpoint(&mut self, value: &f64, caller: &Caller<'_>) \
                 -> Result<(), Refusal>`",
            );
            return;
        };
        if checks::check_value(value, errors).is_none() {
            return;
        }
        let is_ack = |with: &Type| last_segment(with).is_some_and(|last| last.ident == "Ack");
        if let Some(with) = &answer.with
            && !(answer.way == Way::Later && is_ack(with))
        {
            let message = "a poke is accepted or refused, and brings nothing back; return `Result<(), Refusal>`, or take \
                a `Reply<Ack>`, or make it a command by `#[execute]`";
            errors.push(syn::Error::new(answer.span, message));
            return;
        }
        let handler = Handler {
            ident: method.sig.ident.clone(),
            docs: attributes.docs.clone(),
            value: value.clone(),
            in_box: false,
            arguments,
            answer,
        };
        let topic = self.topic(&method.sig.ident, &attributes, value);
        if text(&topic.value) != text(value) {
            errors.at(
                value,
                format_args!(
                    "the topic `{}` holds `{}`, so pokes of it bring a `&{1}`; take that, or poke another topic by \
                     `#[poke(name = \"…\")]`",
                    topic.name,
                    super::help::type_text(&topic.value)
                ),
            );
        } else if topic.poke.is_some() {
            errors.at(
                &method.sig.ident,
                format_args!("the topic `{}` has a handler of pokes already; remove one", topic.name),
            );
        } else {
            topic.poke = Some(handler);
        }
    }

    fn read_compute(&mut self, method: &TraitItemFn, attributes: MemberAttributes, errors: &mut Errors) {
        let Some((arguments, answer)) = signature(method, errors) else { return };
        if let Some((ident, ..)) = values(&arguments).next() {
            errors.at(
                ident,
                "what is computed depends on the item alone, which `caller.item()` says; for more arguments make it \
                 a command by `#[execute]`",
            );
            return;
        }
        let boxed = answer.with.as_ref().and_then(|with| argument_of(with, "Box"));
        let (in_box, value) = (boxed.is_some(), boxed.or(answer.with.as_ref()).cloned());
        let Some(value) = value else {
            errors.at(
                &method.sig.ident,
                "a computed item has a value, as in `fn mean(&mut self, caller: &Caller<'_>) -> Result<f64, Refusal>`",
            );
            return;
        };
        if checks::check_value(&value, errors).is_none() {
            return;
        }
        let handler = Handler {
            ident: method.sig.ident.clone(),
            docs: attributes.docs.clone(),
            value: value.clone(),
            in_box,
            arguments,
            answer,
        };
        let topic = self.topic(&method.sig.ident, &attributes, &value);
        if topic.computes.iter().any(|other| text(&other.value) == text(&value)) {
            errors.at(
                &method.sig.ident,
                format_args!(
                    "items of the topic `{}` are computed as `{}` already; remove one, or return another type",
                    topic.name,
                    super::help::type_text(&value)
                ),
            );
        } else {
            topic.computes.push(handler);
        }
    }

    /// The topic that a method is of, which is made where no other member has.
    fn topic(&mut self, ident: &Ident, attributes: &MemberAttributes, value: &Type) -> &mut Topic {
        let name = topic_name(attributes, &ident.unraw().to_string());
        let unit = attributes.unit.as_ref().map(syn::LitStr::value);
        if let Some(found) = self.topics.iter().position(|topic| topic.name == name) {
            let topic = &mut self.topics[found];
            topic.unit = topic.unit.take().or(unit);
            return topic;
        }
        self.topics.push(Topic {
            ident: ident.clone(),
            name_span: name_span(attributes, ident.span()),
            name,
            value: value.clone(),
            unit,
            docs: String::new(),
            deprecated: attributes.deprecated.clone(),
            poke: None,
            computes: Vec::new(),
        });
        self.topics.last_mut().expect("it was pushed")
    }
}

fn command<'a>(
    method: &'a TraitItemFn,
    attributes: MemberAttributes,
    errors: &mut Errors,
) -> Option<Method<'a>> {
    let (arguments, answer) = signature(method, errors)?;
    for r#type in values(&arguments).map(|(_, value, _)| value).chain(&answer.with) {
        checks::check_in_slot(r#type, errors)?;
    }
    let MemberAttributes { docs, deprecated, .. } = attributes;
    let method = Method { ident: &method.sig.ident, docs, deprecated, arguments, answer };
    if let Some((ident, r#type)) = method.whole() {
        checks::check_whole(ident, r#type, errors)?;
    }
    Some(method)
}

/// The arguments and the answer of a method, or nothing where they are not what can be.
fn signature(method: &TraitItemFn, errors: &mut Errors) -> Option<(Vec<Argument>, Answer)> {
    checks::check_signature(&method.sig, errors)?;
    let (mut arguments, mut later, mut caller) = (Vec::new(), None, false);
    for input in method.sig.inputs.iter().skip(1) {
        let FnArg::Typed(typed) = input else { continue };
        check_unconditional(&typed.attrs, errors)?;
        let Pat::Ident(pattern) = &*typed.pat else {
            errors.at(
                &typed.pat,
                "the argument needs a name, which is that of the command's field; write `name: Type`",
            );
            return None;
        };
        checks::check_type(&typed.ty, errors)?;
        let kind = if is_caller(&typed.ty) {
            if core::mem::replace(&mut caller, true) {
                errors.at(&typed.ty, "there is one caller; remove one of the arguments");
                return None;
            }
            Kind::Caller
        } else if let Some(with) = argument_of(&typed.ty, "Reply") {
            if later.replace((with.clone(), typed.ty.span())).is_some() {
                errors.at(&typed.ty, "there is one answer; remove one of the replies");
                return None;
            }
            Kind::Reply
        } else {
            match &*typed.ty {
                Type::Reference(reference) if reference.mutability.is_some() => {
                    errors.at(&typed.ty, "what a client sent cannot be changed; remove `mut`");
                    return None;
                }
                Type::Reference(reference) => {
                    Kind::Value { r#type: reference.elem.clone(), by_reference: true }
                }
                _ => Kind::Value { r#type: typed.ty.clone(), by_reference: false },
            }
        };
        arguments.push(Argument { ident: pattern.ident.clone(), kind });
    }
    if let ReturnType::Type(_, r#type) = &method.sig.output {
        checks::check_type(r#type, errors)?;
    }
    let answer = match (later, &method.sig.output) {
        (None, output) => returned(output, method.sig.ident.span()),
        (Some((with, span)), ReturnType::Default) => Answer { way: Way::Later, with: Some(with), span },
        (Some(_), ReturnType::Type(_, r#type)) => {
            errors.at(
                r#type,
                "a method that takes a `Reply` answers by it; return nothing, or remove the argument",
            );
            return None;
        }
    };
    Some((arguments, answer))
}

/// What a return type answers.
fn returned(output: &ReturnType, span: Span) -> Answer {
    let not_unit = |r#type: &Type| match r#type {
        Type::Tuple(tuple) if tuple.elems.is_empty() => None,
        other => Some(other.clone()),
    };
    match output {
        ReturnType::Default => Answer { way: Way::Plain, with: None, span },
        ReturnType::Type(_, r#type) => {
            let result = last_segment(r#type).filter(|last| last.ident == "Result");
            match result.and_then(|last| first_type(&last.arguments)) {
                Some(with) => Answer { way: Way::Result, with: not_unit(with), span: r#type.span() },
                None => Answer { way: Way::Plain, with: not_unit(r#type), span: r#type.span() },
            }
        }
    }
}

pub(super) fn is_caller(r#type: &Type) -> bool {
    let Type::Reference(reference) = r#type else { return false };
    reference.mutability.is_none() && last_segment(&reference.elem).is_some_and(|last| last.ident == "Caller")
}

/// The argument of a type that is written `name<argument>`, wherever it is.
pub(super) fn argument_of<'t>(r#type: &'t Type, name: &str) -> Option<&'t Type> {
    first_type(&last_segment(r#type).filter(|last| last.ident == name)?.arguments)
}

pub(super) fn last_segment(r#type: &Type) -> Option<&syn::PathSegment> {
    match r#type {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

fn first_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(r#type) => Some(r#type),
        _ => None,
    })
}

fn topic_name(attributes: &MemberAttributes, default: &str) -> String {
    attributes.name.as_ref().map_or_else(|| default.to_owned(), syn::LitStr::value)
}

fn name_span(attributes: &MemberAttributes, default: Span) -> Span {
    attributes.name.as_ref().map_or(default, syn::LitStr::span)
}

/// An identifier of this text, raw where it is a keyword.
fn identifier(text: &str, span: Span) -> Ident {
    match syn::parse_str::<Ident>(text) {
        Ok(_) => Ident::new(text, span),
        Err(_) => Ident::new_raw(text, span),
    }
}

fn text(r#type: &Type) -> String {
    r#type.to_token_stream().to_string()
}
