use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Command {
    Halt,
    Say(String),
    Go { to: Place },
}

struct Place;

fn main() {}
