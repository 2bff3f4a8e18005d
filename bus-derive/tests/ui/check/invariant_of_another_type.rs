use bus::Message;

#[derive(Message)]
#[message(invariant = check)]
#[repr(C)]
struct Sample<T> {
    value: T,
    #[message(invariant = number)]
    count: u32,
}

fn check<T>(sample: &Sample<T>) -> Option<T> {
    let _ = sample;
    None
}

fn number(_: &u64) -> bool {
    true
}

fn main() {}
