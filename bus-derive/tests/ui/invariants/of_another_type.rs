use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(invariant = check)]
    bid: f64,
}

fn check(number: &u32) -> bool {
    *number > 0
}

fn main() {}
