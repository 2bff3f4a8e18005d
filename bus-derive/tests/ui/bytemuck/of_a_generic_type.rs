use bus::Message;

#[derive(Message, Clone, Copy)]
#[repr(C)]
#[message(bytemuck(NoUninit))]
struct Window<T> {
    values: [T; 4],
}

fn main() {}
