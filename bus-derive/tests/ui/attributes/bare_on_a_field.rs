use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message]
    bid: f64,
}

fn main() {}
