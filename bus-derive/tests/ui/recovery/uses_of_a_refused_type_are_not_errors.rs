use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    name: String,
}

#[derive(Message)]
#[repr(C)]
struct Pair<T> {
    first: T,
    second: T,
}

#[derive(Message)]
#[repr(C)]
struct Log {
    last: Reading,
    pairs: Pair<[Reading; 4]>,
}

fn publish<T: Message>(_: &T) {}

fn main() {
    publish(&Reading { name: String::new() });
}
