use bus::Message;
use std::borrow::Cow;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: Cow<'static, str>,
}

fn main() {}
