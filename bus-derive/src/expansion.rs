//! Stage four: the implementation.
//!
//! What is generated for `#[repr(C)] struct Quote { bid: f64, side: Side }`, with the paths shortened:
//!
//! ```text
//! const _: () = {
//!     trait MessagesCannotImplementDrop {}
//!     impl<T: Drop + ?Sized> MessagesCannotImplementDrop for T {}
//!     impl MessagesCannotImplementDrop for Quote {}              // conflicts if `Quote: Drop`
//!
//!     unsafe impl Message for Quote where Side: Message {
//!         const TYPE: &'static TypeDescriptor = &TypeDescriptor::structure::<Self>(
//!             "Quote", "docs", const { &[] },
//!             const { &[FieldDescriptor::of::<f64>("bid", offset_of!(Self, bid), "docs"), …] },
//!         );
//!         unsafe fn write_fields(&self, out: *mut u8) {
//!             if Self::PADDING_FREE { return unsafe { write_whole(self, out) }; }
//!             let Self { bid: field_0, side: field_1 } = self;
//!             unsafe { write_field(field_0, out, offset_of!(Self, bid)) };
//!             …
//!         }
//!         fn validate(bytes: &[u8]) -> Result<(), Invalid> {
//!             if !Self::ANY_BITS { validate_field::<f64>(bytes, offset_of!(Self, bid), "bid")?; … }
//!             Ok(())
//!         }
//!     }
//! };
//! ```
//!
//! Why this is sound: the checks left only types whose layout is fixed, and `offset_of!` tells it; each field
//! is a message by the `where` clause, and so owns, points to and changes nothing; the pattern in
//! `write_fields` names every field there is, whatever another macro did to the type; and the type itself has
//! no `Drop`.
//!
//! The `where` clause names the type of each field that is not certainly a message. It makes a type that is
//! none into one error, at the field, instead of one for each use in the bodies.
//!
//! Nothing here relies on what is in scope where it lands: every path is absolute, primitives included.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{GenericParam, Generics, Type, parse_quote};

use crate::model::{Field, Model, Shape, Variant};

/// The implementation for a model that passed the checks.
pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let (bus, ident) = (&model.crate_path, model.ident);
    let (described, write, validate) = match &model.shape {
        Shape::Struct(fields) => {
            (describe_struct(model, fields), write_struct(model, fields), validate_struct(model, fields))
        }
        Shape::Enum(variants) => (
            describe_enum(model, variants),
            // SAFETY: (of the expansion) An enum without data is its integer and has no padding; the caller
            // of `write_fields` vouches for `out`.
            quote!(unsafe { #bus::message::__private::write_whole(self, out) }),
            validate_enum(model, variants),
        ),
        Shape::Union => unreachable!("the checks refuse unions"),
    };
    let cannot_drop = cannot_drop(model);
    let mut generics = bounded_generics(model);
    require_messages(model, &mut generics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[allow(deprecated, drop_bounds, trivial_bounds)]
        const _: () = {
            #cannot_drop

            #[automatically_derived]
            unsafe impl #impl_generics #bus::message::Message for #ident #type_generics #where_clause {
                const TYPE: &'static #bus::message::TypeDescriptor = &#described;

                #[inline]
                unsafe fn write_fields(&self, out: *mut ::core::primitive::u8) {
                    #write
                }

                #[inline]
                fn validate(
                    bytes: &[::core::primitive::u8],
                ) -> ::core::result::Result<(), #bus::message::Invalid> {
                    #validate
                }
            }
        };
    }
}

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
fn require_messages(model: &Model<'_>, generics: &mut Generics) {
    let Shape::Struct(fields) = &model.shape else { return };
    let bus = &model.crate_path;
    for r#type in fields.iter().map(|field| field.r#type).filter(|r#type| !is_primitive(r#type)) {
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
fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let respan = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(respan).collect()
}

/// Whether the type is written as a primitive, or an array of one.
fn is_primitive(r#type: &Type) -> bool {
    const PRIMITIVES: [&str; 14] =
        ["u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64", "bool", "char"];
    match r#type {
        Type::Array(array) => is_primitive(&array.elem),
        Type::Group(group) => is_primitive(&group.elem),
        Type::Path(path) => PRIMITIVES.iter().any(|primitive| path.path.is_ident(primitive)),
        _ => false,
    }
}

/// Two implementations that conflict if the type has a `Drop`.
fn cannot_drop(model: &Model<'_>) -> TokenStream {
    let ident = model.ident;
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    // Errors point to the type's name, and lints still know that the user did not write this.
    let span = Span::call_site().located_at(ident.span());
    let refusal = quote_spanned! {span=>
        impl #impl_generics MessagesCannotImplementDrop for #ident #type_generics #where_clause {}
    };
    quote! {
        trait MessagesCannotImplementDrop {}
        impl<T: ::core::ops::Drop + ?::core::marker::Sized> MessagesCannotImplementDrop for T {}
        #refusal
    }
}

fn describe_struct(model: &Model<'_>, fields: &[Field<'_>]) -> TokenStream {
    let Model { crate_path: bus, name, docs, .. } = model;
    let arguments = arguments(model);
    let fields = fields.iter().map(|Field { member, name, docs, r#type }| {
        quote! {
            #bus::message::FieldDescriptor::of::<#r#type>(
                #bus::message::Name::new(#name), ::core::mem::offset_of!(Self, #member), #docs,
            )
        }
    });
    quote! {
        #bus::message::TypeDescriptor::structure::<Self>(
            #bus::message::Declaration::new(#bus::message::Name::new(#name))
                .with_docs(#docs).with_arguments(const { &[#(#arguments),*] }),
            const { &[#(#fields),*] },
        )
    }
}

fn describe_enum(model: &Model<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let Model { crate_path: bus, name, docs, .. } = model;
    let arguments = arguments(model);
    let repr = format_ident!("{}", model.repr.integer.as_ref().expect("checked").to_string().to_uppercase());
    let variants = variants.iter().map(|Variant { ident, name, docs, .. }| {
        quote! {
            #bus::message::VariantDescriptor::new(
                #bus::message::Name::new(#name), Self::#ident as ::core::primitive::i128, #docs, &[],
            )
        }
    });
    quote! {
        #bus::message::TypeDescriptor::enumeration::<Self>(
            #bus::message::Declaration::new(#bus::message::Name::new(#name))
                .with_docs(#docs).with_arguments(const { &[#(#arguments),*] }),
            #bus::message::Primitive::#repr, const { &[#(#variants),*] },
        )
    }
}

/// The generic arguments as the descriptor has them.
fn arguments(model: &Model<'_>) -> Vec<TokenStream> {
    let bus = &model.crate_path;
    let argument = |parameter: &GenericParam| match parameter {
        GenericParam::Type(parameter) => {
            let ident = &parameter.ident;
            Some(quote!(#bus::message::Argument::of::<#ident>()))
        }
        GenericParam::Const(parameter) => {
            let ident = &parameter.ident;
            Some(quote!(#bus::message::Argument::Value(#ident as ::core::primitive::i128)))
        }
        _ => None,
    };
    model.generics.params.iter().filter_map(argument).collect()
}

fn write_struct(model: &Model<'_>, fields: &[Field<'_>]) -> TokenStream {
    let bus = &model.crate_path;
    let members: Vec<_> = fields.iter().map(|field| &field.member).collect();
    let bindings: Vec<_> = (0..fields.len()).map(|index| format_ident!("field_{index}")).collect();
    // SAFETY: (of the expansion) Without padding the type may be written whole. Else each field, of which the
    // pattern forgets none, is written at its offset. The caller of `write_fields` vouches for `out`.
    quote! {
        if <Self as #bus::message::Message>::PADDING_FREE {
            return unsafe { #bus::message::__private::write_whole(self, out) };
        }
        let Self { #(#members: #bindings,)* } = self;
        #(unsafe {
            #bus::message::__private::write_field(#bindings, out, ::core::mem::offset_of!(Self, #members))
        };)*
    }
}

fn validate_struct(model: &Model<'_>, fields: &[Field<'_>]) -> TokenStream {
    let bus = &model.crate_path;
    let fields = fields.iter().map(|Field { member, name, r#type, .. }| {
        quote! {
            #bus::message::__private::validate_field::<#r#type>(
                bytes, ::core::mem::offset_of!(Self, #member), #name,
            )?;
        }
    });
    quote! {
        if !<Self as #bus::message::Message>::ANY_BITS {
            #(#fields)*
        }
        ::core::result::Result::Ok(())
    }
}

fn validate_enum(model: &Model<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let (bus, repr) = (&model.crate_path, &model.repr.integer);
    let variants = variants.iter().map(|variant| variant.ident);
    quote! {
        match ::core::primitive::#repr::from_ne_bytes(#bus::message::__private::head(bytes)) {
            #(found if found == Self::#variants as ::core::primitive::#repr => {
                ::core::result::Result::Ok(())
            })*
            found => ::core::result::Result::Err(
                #bus::message::Invalid::variant::<Self>(found as ::core::primitive::i128),
            ),
        }
    }
}
