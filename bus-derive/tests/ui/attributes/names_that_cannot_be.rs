use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(name = "")]
struct Quote {
    #[message(rename = "a\nb")]
    bid: f64,
    #[message(unit = 5)]
    ask: f64,
}

fn main() {}
