//! Types that a macro writes, with fields and variants from its arguments.

use bus::Message;

macro_rules! record {
    ($name:ident { $($field:ident: $type:ty),* }) => {
        #[derive(Message)]
        #[repr(C)]
        struct $name {
            $($field: $type,)*
            bytes: [u8; 2],
            out: bool,
        }
    };
}

macro_rules! choice {
    ($name:ident: $repr:ident { $($variant:ident = $value:expr),* }) => {
        #[derive(Message)]
        #[repr($repr)]
        #[allow(dead_code)]
        enum $name {
            $($variant = $value,)*
        }
    };
}

choice!(Side: i32 { Buy = 1 - 2, Sell = 1 << 4 });
record!(Order { price: f64, side: Side, sides: [Side; 2] });

fn main() {
    let order = Order { price: 1.0, side: Side::Buy, sides: [Side::Sell, Side::Buy], bytes: [1, 2], out: true };
    let _ = (order.price, order.side, order.sides, order.bytes, order.out);
    let names: Vec<_> = bus::message::Schema::of::<Order>().fields().iter().map(|f| f.name().to_owned()).collect();
    assert_eq!(names, ["price", "side", "sides", "bytes", "out"]);
}
