use bus::Message;

#[derive(Message, Clone, Copy)]
#[repr(C)]
#[message(unsafe_any_bits)]
union Word {
    #[message(range = 0..=9, since = 2)]
    whole: u8,
}

fn main() {}
