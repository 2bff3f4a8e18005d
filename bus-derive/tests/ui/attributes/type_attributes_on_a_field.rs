use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(name = "x", version = 2, deny_padding, no_tokens, bytemuck(NoUninit), unsafe_any_bits)]
    bid: f64,
}

fn main() {}
