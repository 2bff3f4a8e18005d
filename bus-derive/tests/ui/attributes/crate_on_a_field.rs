use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(crate = "bus")]
    bid: f64,
}

fn main() {}
