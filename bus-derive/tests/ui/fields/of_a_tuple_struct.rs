use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading(u32, usize);

fn main() {}
