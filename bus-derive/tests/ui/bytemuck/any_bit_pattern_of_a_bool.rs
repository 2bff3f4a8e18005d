use bus::Message;

#[derive(Message, Clone, Copy)]
#[repr(C)]
#[message(bytemuck(Zeroable, AnyBitPattern))]
struct Quote {
    open: bool,
}

fn main() {}
