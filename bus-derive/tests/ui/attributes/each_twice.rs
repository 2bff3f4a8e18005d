use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(name = "A", version = 2)]
#[message(name = "B", version = 2)]
struct Quote {
    #[message(unit = "m", unit = "s")]
    bid: f64,
}

fn main() {}
