use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Command {
    Halt,
    Move {
        x: f64,
        #[message(since = 2, default = 0.0)]
        y: f64,
    },
}

fn main() {}
