use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(bytemuck(Pod, NoUninit))]
struct Quote {
    bid: f64,
}

fn main() {}
