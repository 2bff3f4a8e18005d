//! The expansion finds everything it needs by absolute paths.
#![no_implicit_prelude]
#![deny(warnings)]

#[derive(::bus::Message)]
#[repr(C)]
struct Order<T, const N: usize> {
    prices: [T; N],
    side: Side,
    urgent: bool,
}

#[derive(::bus::Message)]
#[repr(u8)]
enum Side {
    Buy,
    Sell,
}

fn main() {
    let order = Order { prices: [1_u64, 2], side: Side::Buy, urgent: true };
    let _ = (order.prices, order.urgent, Side::Sell, order.side);
    let bytes = [0_u8; ::core::mem::size_of::<Order<u64, 2>>()];
    ::core::assert!(<Order<u64, 2> as ::bus::Message>::validate(&bytes).is_ok());
}
