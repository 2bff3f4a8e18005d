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
        text.push('\n');
        interface.docs.lines().for_each(|line| text += &format!("\n{}", plain(line)));
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
    for line in docs.lines().map(plain) {
        let indent = if line.is_empty() { "" } else { "      " };
        write!(text, "\n{indent}{line}").expect("a string can be written to");
    }
}

/// A line of documentation without what is for rustdoc alone: the marks of headings, and of links with where they lead.
fn plain(line: &str) -> String {
    let (mut rest, mut plain) = (line, String::new());
    if let Some(heading) = line.trim_start_matches('#').strip_prefix(' ')
        && line.starts_with('#')
    {
        rest = heading;
    }
    while let Some((before, link)) = rest.split_once('[') {
        plain += before;
        let Some((inner, after)) = link.split_once(']') else {
            rest = &rest[before.len()..];
            break;
        };
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        let is_code = inner.len() > 1 && inner.starts_with('`') && inner.ends_with('`');
        rest = match target {
            Some((_, after)) => {
                plain += inner;
                after
            }
            None if is_code => {
                plain += inner;
                after
            }
            None => {
                plain.push('[');
                link
            }
        };
    }
    plain + rest
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

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_is_for_rustdoc_alone_is_not_in_the_help() {
        for (written, read) in [
            (
                "See [`halt`](Self::halt), [`House`] and [the book](https://example.org).",
                "See `halt`, `House` and the book.",
            ),
            ("# Errors", "Errors"),
            ("From 0 to [1, 2], `a[0]` or [ as it is", "From 0 to [1, 2], `a[0]` or [ as it is"),
            ("    indented, #1 and [x](y", "    indented, #1 and [x](y"),
            ("", ""),
            ("#", "#"),
        ] {
            assert_eq!(plain(written), read);
        }
    }
}
