use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
    #[message(since = 2, default = "none")]
    ask: f64,
}

fn main() {}
