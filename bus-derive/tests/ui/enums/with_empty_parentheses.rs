use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Order {
    Market(),
    Limit {},
}

fn main() {}
