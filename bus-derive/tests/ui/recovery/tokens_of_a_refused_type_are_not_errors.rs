use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
    name: String,
}

const BID: bus::Field<Quote, f64> = Quote::BID;

fn main() {}
