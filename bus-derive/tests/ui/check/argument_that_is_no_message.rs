use bus::Message;

struct Stranger;

#[derive(Message)]
#[repr(u8)]
enum Command<T> {
    Halt,
    Move(T),
}

#[derive(Message)]
#[repr(C)]
struct Order {
    command: Command<Stranger>,
}

fn main() {}
