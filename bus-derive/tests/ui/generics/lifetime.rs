use bus::Message;

#[derive(Message)]
#[repr(C)]
struct View<'a> {
    name: &'a str,
}

fn main() {}
