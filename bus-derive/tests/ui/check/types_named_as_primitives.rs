//! A type that is called as a primitive would pass for it, and so is none that a field can have.
#![allow(non_camel_case_types)]

use bus::Message;

#[derive(Message, Clone, Copy)]
#[repr(C)]
struct u8 {
    valid: bool,
}

#[derive(Message, Clone, Copy)]
#[repr(C)]
struct Order {
    first: u8,
    others: [u8; 2],
}

#[derive(Message, Clone, Copy)]
#[repr(C, i32)]
enum Command {
    Halt,
    Do(u8),
}

fn main() {}
