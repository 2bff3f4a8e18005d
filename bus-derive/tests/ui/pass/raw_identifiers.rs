//! Identifiers that are keywords lose their `r#`; those beyond ASCII stay what they are.
#![allow(dead_code, non_camel_case_types)]

use bus::message::Kind;
use bus::Message;

#[derive(Message)]
#[repr(C)]
struct r#struct {
    r#type: u32,
    größe: r#enum,
}

#[derive(Message)]
#[repr(u8)]
enum r#enum {
    r#fn,
    r#async,
}

fn main() {
    assert_eq!(r#struct::TYPE.name(), "struct");
    let Kind::Struct { fields } = r#struct::TYPE.kind() else { unreachable!() };
    assert_eq!(fields[0].name(), "type");
    assert_eq!(fields[1].name(), "größe");
    let Kind::Enum { variants, .. } = r#enum::TYPE.kind() else { unreachable!() };
    assert_eq!(variants[0].name(), "fn");
    assert_eq!(r#struct::validate(&[9; 8]).unwrap_err().path(), "größe");
}
