use bus::Message;

struct Position {
    x: f64,
}

#[derive(Message)]
#[repr(C)]
struct Pose {
    position: Position,
    frame: u32,
}

fn main() {}
