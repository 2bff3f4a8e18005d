use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(invariant = CHECK)]
struct Quote {
    bid: f64,
}

fn check(_: &Quote) -> bool {
    true
}

static mut CHECK: fn(&Quote) -> bool = check;

fn main() {}
