use bus::Message;

struct Position {
    x: f64,
}

#[derive(Message)]
#[repr(C)]
struct Path {
    positions: [Position; 8],
}

fn main() {}
