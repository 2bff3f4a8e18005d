use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(reply = 5)]
struct Buy {
    price: f64,
}

fn main() {}
