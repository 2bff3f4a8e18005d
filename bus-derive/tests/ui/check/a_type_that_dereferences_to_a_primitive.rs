use bus::Message;

use core::ops::Deref;

#[allow(non_camel_case_types)]
#[derive(Message)]
#[repr(u8)]
enum u8 {
    A,
    B,
}

impl Deref for u8 {
    type Target = core::primitive::u8;

    fn deref(&self) -> &core::primitive::u8 {
        &7
    }
}

#[derive(Message)]
#[repr(C)]
struct S {
    x: u8,
}

fn main() {}
