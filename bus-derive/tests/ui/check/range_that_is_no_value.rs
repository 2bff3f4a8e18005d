use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Sample<T, const N: usize> {
    #[message(range = 0..=300)]
    values: [u8; N],
    #[message(range = 0.5..)]
    count: u16,
    #[message(since = 2, default = "none")]
    late: T,
}

fn main() {}
