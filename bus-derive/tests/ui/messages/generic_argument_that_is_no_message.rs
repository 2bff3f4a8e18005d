use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Pair<T> {
    first: T,
    second: T,
}

#[derive(Message)]
#[repr(C)]
struct Names {
    names: Pair<String>,
}

fn main() {}
