use bus::Message;

#[derive(Message, Clone, Copy)]
#[repr(C)]
union Word {
    whole: u32,
    parts: [u16; 2],
}

fn main() {}
