//! What the type parameters and the types of the fields must be.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Generics, Ident, Type, parse_quote};

use crate::model::Model;

/// The generics of the type, with each type parameter bound to be a message.
pub(crate) fn bounded_generics(model: &Model<'_>) -> Generics {
    let bus = &model.crate_path;
    let mut generics = model.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#bus::message::Message));
    }
    generics
}

/// Adds `Field: Message` for the fields whose types may not be messages.
pub(super) fn require_messages(model: &Model<'_>, generics: &mut Generics) {
    let bus = &model.crate_path;
    for r#type in model.fields().map(|field| field.r#type).filter(|r#type| !is_primitive(r#type)) {
        let bound = respanned(quote!(: #bus::message::Message), end_of(r#type));
        generics.make_where_clause().predicates.push(parse_quote!(#r#type #bound));
    }
}

/// Where the last token of `tokens` stands. With a bound placed there, the compiler's span of a whole
/// predicate is that of the type before it.
fn end_of(tokens: impl ToTokens) -> Span {
    match tokens.into_token_stream().into_iter().last() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => end_of(group.stream()),
        Some(TokenTree::Group(group)) => group.span_close(),
        Some(token) => token.span(),
        None => Span::call_site(),
    }
}

/// The same tokens at another place.
pub(super) fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let respan = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(respan).collect()
}

/// Whether the type is written as a primitive, or an array of one.
///
/// What is written so might be a type of the user. Hence `write` calls it by its absolute name, which then is
/// another: so the rest of the expansion may rely on what the primitive is.
pub(crate) fn is_primitive(r#type: &Type) -> bool {
    primitive(r#type).is_some()
}

/// Whether the type is written as a number, or an array of one: every bit pattern is one.
pub(super) fn is_number(r#type: &Type) -> bool {
    primitive(r#type).is_some_and(|(name, _)| name != "bool" && name != "char")
}

/// The primitive that the type is written as, or is an array of; and the absolute name of the whole type.
pub(super) fn primitive(r#type: &Type) -> Option<(&Ident, TokenStream)> {
    const PRIMITIVES: [&str; 14] =
        ["u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64", "bool", "char"];
    match r#type {
        Type::Array(array) => primitive(&array.elem).map(|(name, element)| (name, quote!([#element; _]))),
        Type::Group(group) => primitive(&group.elem),
        Type::Path(path) => {
            let name = path.path.get_ident().filter(|name| PRIMITIVES.iter().any(|known| name == known))?;
            Some((name, quote!(::core::primitive::#name)))
        }
        _ => None,
    }
}
