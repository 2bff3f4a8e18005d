use bus::Message;

struct Filled(f64);

#[derive(Message)]
#[repr(C)]
#[message(reply = Filled)]
struct Buy {
    price: f64,
}

fn main() {}
