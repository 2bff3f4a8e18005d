use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(bytemuck(CheckedBitPattern))]
struct Quote {
    open: bool,
}

fn main() {}
