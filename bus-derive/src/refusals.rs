//! The types that a field cannot have, and what to use instead.
//!
//! A derive macro sees names and not types: `String` may be the user's own. So a name is only recognised
//! bare, or behind the module it lives in, and with generic arguments where it takes some; an alias is not
//! recognised at all. That is no hole: each field's type must implement `Message`, and the compiler refuses
//! what gets past this list, only with less to say about it.

use syn::{GenericArgument, Path, PathArguments, PathSegment, Type, TypePath, TypeReference};

/// A type that cannot be in a message.
pub(crate) struct Refusal<'a> {
    /// The refused type, which may be inside the type of the field.
    pub(crate) at: &'a Type,
    /// Why, and what to use instead.
    pub(crate) message: String,
    /// Whether it is `Sized`, `Send`, `Sync` and `'static`, as messages must be.
    pub(crate) meets_supertraits: bool,
}

/// A type of the standard library that cannot be in a message.
struct Known {
    modules: &'static [&'static str],
    names: &'static [&'static str],
    /// Whether it is written with generic arguments.
    generic: bool,
    meets_supertraits: bool,
    /// What follows the type's name.
    message: &'static str,
}

const TEXT: &str = "keeps its text on the heap of one process; \
    use `FixedStr<N>`, which holds up to N bytes in place";
const ELEMENTS: &str = "keeps its elements on the heap of one process; \
    use `FixedVec<T, N>`, which holds up to N elements in place, or an array `[T; N]`";
const ENTRIES: &str = "keeps its entries on the heap of one process; \
    use `FixedMap<K, V, N>`, which holds up to N entries in place, sorted by key";
const KEYS: &str = "keeps its elements on the heap of one process; \
    use `FixedMap<K, bool, N>`, which holds up to N keys in place, or `FixedVec<T, N>`";
const POINTER: &str = "points to the heap of one process; hold the value itself";
const CELL: &str = "changes in place, and a message does not: it is published anew; hold the value itself";
const ADDRESS: &str =
    "has no defined layout; use its octets, `[u8; 4]` or `[u8; 16]`, and a `u16` for a port";

const KNOWN: &[Known] = &[
    Known::plain(&["string", "ffi", "path"], &["String", "OsString", "CString", "PathBuf"], TEXT),
    Known::plain(&["primitive"], &["usize"], "has another width in a 32-bit program; use `u64` or `u32`"),
    Known::plain(&["primitive"], &["isize"], "has another width in a 32-bit program; use `i64` or `i32`"),
    Known::plain(&["num"], &["NonZeroUsize"], "has another width in a 32-bit program; use `NonZero<u64>`"),
    Known::plain(&["num"], &["NonZeroIsize"], "has another width in a 32-bit program; use `NonZero<i64>`"),
    Known::plain(&["time"], &["Duration"], "has no defined layout; use `bus::Nanoseconds`"),
    Known::plain(&["time"], &["SystemTime"], "has no defined layout; use `bus::Stamp`"),
    Known::plain(
        &["time"],
        &["Instant"],
        "has no defined layout; use a `u64` of nanoseconds since a moment that both sides know",
    ),
    Known::plain(&["net"], &["IpAddr", "Ipv4Addr", "Ipv6Addr"], ADDRESS),
    Known::plain(&["net"], &["SocketAddr", "SocketAddrV4", "SocketAddrV6"], ADDRESS),
    Known::plain(&["sync"], &["Condvar", "Barrier", "Once"], CELL),
    Known::unsized_text(&["primitive"], &["str"]),
    Known::unsized_text(&["ffi", "path"], &["OsStr", "CStr", "Path"]),
    Known::generic(&["vec", "collections"], &["Vec", "VecDeque", "BinaryHeap", "LinkedList"], ELEMENTS),
    Known::generic(&["collections"], &["HashMap", "BTreeMap"], ENTRIES),
    Known::generic(&["collections"], &["HashSet", "BTreeSet"], KEYS),
    Known::generic(&["boxed", "sync", "borrow"], &["Box", "Arc", "Cow"], POINTER),
    Known::unshareable(&["rc", "sync"], &["Rc", "Weak"], POINTER),
    Known::unshareable(&["ptr"], &["NonNull"], "is an address in one process; hold the value itself"),
    Known::generic(
        &["option"],
        &["Option"],
        "has no defined layout, except around `NonZero`; use `Maybe<T>`, which is an option in a message",
    ),
    Known::generic(
        &["result"],
        &["Result"],
        "has no defined layout; use an enum of your own with `#[repr(u8)]` and a variant for each outcome",
    ),
    Known::unshareable(&["cell"], &["Cell", "RefCell", "UnsafeCell", "OnceCell", "LazyCell"], CELL),
    Known::generic(&["sync"], &["Mutex", "RwLock", "OnceLock", "LazyLock"], CELL),
    Known::generic(&["mem"], &["MaybeUninit"], "may hold no value at all; hold the value itself"),
];

impl Known {
    const fn plain(
        modules: &'static [&'static str],
        names: &'static [&'static str],
        message: &'static str,
    ) -> Self {
        Self { modules, names, generic: false, meets_supertraits: true, message }
    }

    const fn unsized_text(modules: &'static [&'static str], names: &'static [&'static str]) -> Self {
        let message = "has no fixed size; use `FixedStr<N>`, which holds up to N bytes of text in place";
        Self { modules, names, generic: false, meets_supertraits: false, message }
    }

    const fn generic(
        modules: &'static [&'static str],
        names: &'static [&'static str],
        message: &'static str,
    ) -> Self {
        Self { modules, names, generic: true, meets_supertraits: true, message }
    }

    const fn unshareable(
        modules: &'static [&'static str],
        names: &'static [&'static str],
        message: &'static str,
    ) -> Self {
        Self { modules, names, generic: true, meets_supertraits: false, message }
    }
}

/// What is refused in a field of type `field`: at most one thing, since a type inside a refused one goes with
/// it.
pub(crate) fn of(field: &Type) -> Option<Refusal<'_>> {
    let refuse = |meets_supertraits, message: &str| {
        Some(Refusal { at: field, message: message.to_owned(), meets_supertraits })
    };
    match field {
        Type::Array(array) => of(&array.elem),
        Type::Group(group) => of(&group.elem),
        Type::Paren(paren) => of(&paren.elem),
        Type::Path(TypePath { qself: None, path, .. }) => of_path(field, path),
        Type::Reference(reference) => refuse(false, of_reference(reference)),
        Type::Ptr(_) => refuse(
            false,
            "a pointer is an address in one process; hold the value itself, \
             or an index into an array of the message",
        ),
        Type::FnPtr(_) => refuse(
            true,
            "a function pointer is an address in one process; use an enum that names what is to be done",
        ),
        Type::Slice(_) => refuse(
            false,
            "a slice has no fixed size; use `FixedVec<T, N>`, which holds up to N elements in place",
        ),
        Type::Tuple(tuple) if tuple.elems.is_empty() => refuse(true, "`()` holds nothing; remove the field"),
        Type::Tuple(_) => refuse(
            true,
            "the layout of a tuple is not defined; use a struct with `#[repr(C)]` and `#[derive(Message)]`",
        ),
        Type::TraitObject(_) | Type::ImplTrait(_) => refuse(
            false,
            "a trait's implementor has no fixed layout, and its methods exist in one process only; \
             use a concrete type, \
             or an enum that tells the cases apart",
        ),
        Type::Never(_) => {
            refuse(true, "`!` has no values, so the message could never be made; remove the field")
        }
        _ => None,
    }
}

fn of_reference(reference: &TypeReference) -> &'static str {
    match &*reference.elem {
        Type::Path(target) if target.path.is_ident("str") => {
            "a reference is an address in one process; \
             use `FixedStr<N>`, which holds up to N bytes of text in place"
        }
        Type::Slice(_) => {
            "a reference is an address in one process; \
             use `FixedVec<T, N>`, which holds up to N elements in place"
        }
        _ => "a reference is an address in one process; hold the value itself",
    }
}

fn of_path<'a>(field: &'a Type, path: &'a Path) -> Option<Refusal<'a>> {
    let last = path.segments.last()?;
    let name = last.ident.to_string();
    let refuse = |meets_supertraits, message: String| Some(Refusal { at: field, message, meets_supertraits });
    if name == "NonZero" {
        return first_argument(last).and_then(of);
    }
    if name == "Option" && first_argument(last).is_some_and(is_non_zero) {
        return None;
    }
    if let Some(plain) = atomic(&name)
        && is_from(path, &["atomic"])
    {
        let message =
            format!("`{name}` changes in place, and a message does not: it is published anew; use {plain}");
        return refuse(true, message);
    }
    let known = KNOWN.iter().find(|known| known.names.contains(&name.as_str()))?;
    let argument = first_argument(last);
    if known.generic != argument.is_some() || !is_from(path, known.modules) {
        return None;
    }
    // A pointer to text or to a slice stands for what it points to.
    let message = match argument {
        Some(Type::Path(target)) if known.message == POINTER && target.path.is_ident("str") => TEXT,
        Some(Type::Slice(_)) if known.message == POINTER => ELEMENTS,
        _ => known.message,
    };
    refuse(known.meets_supertraits, format!("`{name}` {message}"))
}

/// Whether the type is written as a `NonZero`, whose option has a layout that the language defines.
fn is_non_zero(r#type: &Type) -> bool {
    match r#type {
        Type::Group(group) => is_non_zero(&group.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let name = last.ident.to_string();
            name.starts_with("NonZero") && name != "NonZeroUsize" && name != "NonZeroIsize"
        }),
        _ => false,
    }
}

/// What to use in place of the atomic type of this name.
fn atomic(name: &str) -> Option<String> {
    let value = name.strip_prefix("Atomic")?;
    match value {
        "Usize" => Some("`u64` or `u32`".to_owned()),
        "Isize" => Some("`i64` or `i32`".to_owned()),
        "Ptr" => Some("an index into an array of the message".to_owned()),
        "Bool" | "U8" | "U16" | "U32" | "U64" | "U128" | "I8" | "I16" | "I32" | "I64" | "I128" => {
            Some(format!("`{}`", value.to_lowercase()))
        }
        _ => None,
    }
}

/// Whether the last segment of `path` can be the standard library's, which has it in one of `modules`.
fn is_from(path: &Path, modules: &[&str]) -> bool {
    let mut before = path.segments.iter().rev().skip(1).map(|segment| segment.ident.to_string());
    let Some(module) = before.next() else { return true };
    let crate_name = before.last().unwrap_or_default();
    modules.contains(&module.as_str()) && ["", "std", "core", "alloc"].contains(&crate_name.as_str())
}

/// The first type among the generic arguments.
fn first_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    })
}
