use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(versoin = 2, name = 5, deny_paddin, unsafe_any_bits)]
struct Quote {
    bid: f64,
}

fn main() {}
