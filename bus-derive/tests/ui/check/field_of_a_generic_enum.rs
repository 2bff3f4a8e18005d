use bus::Message;

struct Stranger<T>(T);

#[derive(Message)]
#[repr(u8)]
enum Command<T> {
    Halt,
    Move { to: T, by: Stranger<T> },
}

#[derive(Message)]
#[repr(C, u8)]
enum WithPayload<T, const N: usize> {
    Halt,
    Move([Stranger<T>; N]),
}

fn message<T: Message>() {}

fn main() {
    message::<Command<u8>>();
    message::<WithPayload<u8, 3>>();
}
