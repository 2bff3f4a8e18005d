use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(deny_padding = true, no_tokens(x), version = 2)]
struct Quote {
    bid: f64,
}

fn main() {}
