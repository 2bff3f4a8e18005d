//! What a service says of itself: the declaration as a text, for people who have no source.

use core::fmt::Write;

use quote::ToTokens;
use syn::Type;
use syn::ext::IdentExt;

use super::model::{Interface, Method, Topic};

/// The whole text.
pub(super) fn help(interface: &Interface<'_>) -> String {
    let mut text = interface.item.ident.unraw().to_string();
    if !interface.docs.is_empty() {
        text = format!("{text}\n\n{}", interface.docs);
    }
    if !interface.topics.is_empty() {
        text.push_str("\n\nTopics");
        interface.topics.iter().for_each(|topic| add_topic(&mut text, topic));
    }
    if !interface.commands.is_empty() {
        text.push_str("\n\nCommands");
        interface.commands.iter().for_each(|command| add_command(&mut text, command));
    }
    text.push('\n');
    text
}

fn add_topic(text: &mut String, topic: &Topic) {
    add(text, &format!("\n{}: {}", topic.name, type_text(&topic.value)));
    if let Some(unit) = &topic.unit {
        add(text, &format!(", in {unit}"));
    }
    add(text, " (request, advise");
    if topic.poke.is_some() {
        text.push_str(", poke");
    }
    for format in &topic.computes {
        add(text, &format!(", compute as {}", type_text(&format.value)));
    }
    text.push(')');
    add_docs(text, &topic.docs);
    if let Some(poke) = &topic.poke {
        add_docs(text, &poke.docs);
    }
    topic.computes.iter().for_each(|format| add_docs(text, &format.docs));
}

fn add_command(text: &mut String, command: &Method<'_>) {
    let arguments: Vec<String> = command
        .values()
        .map(|(name, r#type, _)| format!("{}: {}", name.unraw(), type_text(r#type)))
        .collect();
    add(text, &format!("\n{}({})", command.ident.unraw(), arguments.join(", ")));
    if let Some(reply) = &command.answer.with {
        add(text, &format!(" -> {}", type_text(reply)));
    }
    add_docs(text, &command.docs);
}

fn add(text: &mut String, more: &str) {
    for part in more.split_inclusive('\n') {
        text.push_str(part);
        if part.ends_with('\n') {
            text.push_str("  ");
        }
    }
}

fn add_docs(text: &mut String, docs: &str) {
    for line in docs.lines() {
        let indent = if line.is_empty() { "" } else { "      " };
        write!(text, "\n{indent}{line}").expect("a string can be written to");
    }
}

/// A type as one writes it.
pub(super) fn type_text(r#type: &Type) -> String {
    let mut text = r#type.to_token_stream().to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        ("& ", "&"),
        (" ;", ";"),
        (" ,", ","),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}
