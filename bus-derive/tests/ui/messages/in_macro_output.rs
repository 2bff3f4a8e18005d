use bus::Message;

struct Position {
    x: f64,
}

macro_rules! record {
    ($name:ident: $type:ty) => {
        #[derive(Message)]
        #[repr(C)]
        struct $name {
            value: $type,
        }
    };
}

record!(Pose: Position);
record!(Name: String);

fn main() {}
