use bus::Message;

#[derive(Message, Clone, Copy)]
#[message(unsafe_any_bits)]
union Word {
    whole: u32,
    parts: [u16; 2],
}

fn main() {}
