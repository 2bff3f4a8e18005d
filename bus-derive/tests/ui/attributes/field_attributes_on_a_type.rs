use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(since = 2, unit = "m", range = 0..=1, default = 0, rename = "x")]
struct Quote {
    bid: f64,
}

fn main() {}
