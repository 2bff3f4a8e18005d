use bus::Message;

#[derive(Message)]
#[repr(C)]
struct View<'a, 'b> {
    one: &'a u32,
    other: &'b u32,
}

fn main() {}
