use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Order {
    Market,
    Limit(f64),
    Stop { price: f64 },
}

fn main() {}
