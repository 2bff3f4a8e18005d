use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(default = 0.5)]
    bid: f64,
}

fn main() {}
