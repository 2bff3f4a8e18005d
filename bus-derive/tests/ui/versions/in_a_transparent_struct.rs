use bus::Message;

#[derive(Message)]
#[repr(transparent)]
struct Price(#[message(since = 2)] f64);

fn main() {}
