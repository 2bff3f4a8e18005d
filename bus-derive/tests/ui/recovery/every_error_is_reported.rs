use bus::Message;

#[derive(Message)]
#[message(version = 3)]
struct Everything {
    name: String,
    #[message(skip)]
    tags: Vec<u8>,
    count: usize,
    fine: u64,
}

#[derive(Message)]
enum Command {
    Stop,
    Go(f64),
    Say(String),
}

fn main() {}
