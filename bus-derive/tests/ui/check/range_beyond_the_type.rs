use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Sample<T> {
    value: T,
    #[message(range = 0..=300)]
    bytes: [u8; 4],
}

fn main() {}
