use bus::Message;

#[derive(Message)]
#[repr(u8)]
#[message(deny_padding)]
enum Command {
    Halt,
    Move(f64),
}

fn main() {}
