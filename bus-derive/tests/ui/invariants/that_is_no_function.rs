use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(invariant = "check")]
struct Quote {
    #[message(invariant = |bid| true)]
    bid: f64,
}

fn main() {}
