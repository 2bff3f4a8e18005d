use bus::Message;

#[derive(Message, Clone, Copy)]
#[repr(C)]
#[message(unsafe_any_bits)]
union Word {
    whole: u8,
    flag: bool,
}

fn main() {}
