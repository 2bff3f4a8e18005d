use bus::Message;

#[derive(Message, Clone, Copy)]
#[repr(C)]
#[message(bytemuck(NoUninit))]
struct Quote {
    bid: f64,
    size: u32,
}

fn main() {}
