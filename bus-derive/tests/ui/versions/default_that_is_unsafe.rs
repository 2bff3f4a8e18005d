#![deny(unsafe_code)]

use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
    #[message(since = 2, default = core::mem::transmute::<u8, bool>(7))]
    open: bool,
}

fn main() {}
