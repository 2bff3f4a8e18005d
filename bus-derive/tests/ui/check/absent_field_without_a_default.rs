use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Sample<T> {
    value: T,
    #[message(since = 2)]
    late: T,
}

fn main() {}
