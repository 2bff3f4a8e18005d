use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(skip)]
    bid: f64,
}

fn main() {}
