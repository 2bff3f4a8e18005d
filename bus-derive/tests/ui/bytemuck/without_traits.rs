use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(bytemuck)]
struct Quote {
    bid: f64,
}

fn main() {}
