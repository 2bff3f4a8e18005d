use bus::Message;

#[derive(Message)]
enum Nothing {}

fn main() {}
