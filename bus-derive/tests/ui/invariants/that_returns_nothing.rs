use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(invariant = check)]
struct Quote {
    bid: f64,
}

fn check(_: &Quote) {}

fn main() {}
