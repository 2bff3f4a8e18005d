//! Identifiers that are keywords lose their `r#`; those beyond ASCII stay what they are.
#![allow(dead_code, non_camel_case_types, non_upper_case_globals, uncommon_codepoints)]

use bus::message::Kind;
use bus::Message;

#[derive(Message)]
#[repr(C)]
struct r#struct {
    r#type: u32,
    größe: r#enum,
    ß: u8,
    /// Its constant would be `SS`, as that of the field before it.
    ss: u8,
    名: u8,
    #[message(since = 2, default = r#fn, range = r#const..)]
    r#match: u32,
}

const r#fn: u32 = 3;
const r#const: u32 = 2;

#[derive(Message)]
#[repr(u8)]
enum r#enum {
    r#fn,
    r#async,
}

#[derive(Message, Clone, Copy)]
#[message(invariant = r#loop)]
#[repr(u8)]
enum r#union<r#type> {
    r#type(r#type),
    r#struct { r#mod: bool, größe: r#type, r#gen: u8 },
    名,
}

fn r#loop<T>(_: &r#union<T>) -> bool {
    true
}

/// The names of the trait's constants are not taken by those of the fields.
#[derive(Message)]
#[repr(C)]
struct Constants {
    r#type: u8,
    fingerprint: u8,
    any_bits: u8,
    padding_free: u8,
}

fn main() {
    assert_eq!(r#struct::TYPE.name(), "struct");
    let Kind::Struct { fields } = r#struct::TYPE.kind() else { unreachable!() };
    let names: Vec<_> = fields.iter().map(|field| field.name()).collect();
    assert_eq!(names, ["type", "größe", "ß", "ss", "名", "match"]);
    let Kind::Enum { variants, .. } = r#enum::TYPE.kind() else { unreachable!() };
    assert_eq!(variants[0].name(), "fn");
    assert_eq!(r#struct::validate(&[9; 16]).unwrap_err().path(), "größe");
    assert_eq!(r#struct::FIELD_TYPE.name(), "type");
    assert_eq!((r#struct::GRÖSSE.name(), r#struct::SS.name(), r#struct::名.name()), ("größe", "ß", "名"));
    assert_eq!((r#struct::MATCH.name(), r#struct::MATCH.offset()), ("match", 8));
    assert_eq!(<r#union<u8>>::validate(&[1, 2, 3, 4]).unwrap_err().path(), "struct.mod");
    assert!(Constants::ANY_BITS && Constants::PADDING_FREE);
    assert_eq!(Constants::TYPE.fingerprint(), Constants::FINGERPRINT);
    assert_eq!(Constants::FIELD_PADDING_FREE.offset(), 3);
}
