use bus::Message;

#[derive(Message)]
#[repr(C)]
union Quote {
    bid: f64,
    size: u32,
}

fn main() {}
