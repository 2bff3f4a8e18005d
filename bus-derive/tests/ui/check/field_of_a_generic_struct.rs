//! Whether the field is a message depends on the parameters, so it is asked where these are known.

use bus::Message;

struct Stranger<T>(T);

#[derive(Message)]
#[repr(C)]
struct Window<T, const N: usize> {
    values: [T; N],
    stranger: Stranger<T>,
}

#[derive(Message)]
#[repr(C)]
struct Order {
    window: Window<u8, 3>,
}

fn main() {}
