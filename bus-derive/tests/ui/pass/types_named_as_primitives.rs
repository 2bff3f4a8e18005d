//! A user's type is no primitive because it has the name of one.
#![allow(dead_code, non_camel_case_types)]

use bus::Message;

/// Not every byte is one of these, and some were added later.
#[derive(Message, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct u8 {
    valid: bool,
    #[message(since = 2, default = true)]
    late: bool,
}

#[derive(Message, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Order {
    first: u8,
    others: [u8; 2],
}

fn main() {
    assert!(!Order::ANY_BITS);
    assert_eq!(Order::validate(&[1, 1, 1, 1, 2, 0]).unwrap_err().path(), "others[1].valid");
}
