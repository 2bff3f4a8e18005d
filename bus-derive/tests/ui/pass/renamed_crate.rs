//! The crate goes by another name, and is reached through another module.

extern crate bus as vehicle;

mod transport {
    pub mod road {
        pub use vehicle::*;
    }
}

use transport::road::Message;

#[derive(Message)]
#[message(crate = "crate::transport::road")]
#[repr(C)]
struct Order {
    price: f64,
    side: Side,
}

#[derive(Message)]
#[message(crate = "transport::road")]
#[repr(u8)]
enum Side {
    Buy,
    Sell,
}

fn main() {
    let order = Order { price: 1.0, side: Side::Buy };
    let _ = (order.price, order.side, Side::Sell);
    assert_eq!(Order::TYPE.name(), "Order");
}
