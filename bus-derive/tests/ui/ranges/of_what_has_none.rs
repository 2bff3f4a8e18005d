use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(range = false..=true)]
    open: bool,
    #[message(range = 0..=1)]
    price: Price,
}

type Price = f64;

fn main() {}
