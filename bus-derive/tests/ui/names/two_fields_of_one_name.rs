use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
    #[message(rename = "bid")]
    ask: f64,
}

fn main() {}
