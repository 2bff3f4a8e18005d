use bus::Message;

type Name = String;

#[derive(Message)]
#[repr(C)]
struct Reading {
    name: Name,
}

fn main() {}
