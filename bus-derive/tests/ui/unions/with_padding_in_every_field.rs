use bus::Message;

#[derive(Message, Clone, Copy)]
#[repr(C)]
#[message(unsafe_any_bits)]
union Word {
    whole: u32,
    bytes: [u8; 5],
}

fn main() {}
