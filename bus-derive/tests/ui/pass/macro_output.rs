//! Types that a macro writes, from fragments of every kind.
#![allow(dead_code, non_snake_case)]

use bus::Message;
use bus::message::{Bounds, Schema};

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

macro_rules! attributes {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident as $text:literal since $version:literal where $invariant:path {
            $(#[$field_meta:meta])*
            $field:ident: $type:ty = $low:expr, $high:expr;
            $(
                $(#[$more_meta:meta])*
                $more_vis:vis $more:ident: $more_type:ty = $default:expr, $since:expr, $unit:literal;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Message, Clone, Copy, Debug, PartialEq)]
        #[message(name = $text, version = $version, invariant = $invariant)]
        #[repr(C)]
        $vis struct $name {
            $(#[$field_meta])*
            #[message(range = $low..=$high, invariant = $name::is_fine)]
            $field: $type,
            $(
                $(#[$more_meta])*
                #[message(since = $since, default = $default, unit = $unit)]
                $more_vis $more: $more_type,
            )*
        }

        impl $name {
            fn is_fine(_: &$type) -> bool {
                true
            }
        }
    };
}

mod inner {
    pub(crate) fn check<T>(_: &T) -> bool {
        true
    }
}

const LOW: i16 = -3;

attributes! {
    /// A reading.
    /// On two lines.
    pub(crate) struct Reading as "Sample" since 7 where inner::check {
        /// Per second.
        #[doc = "And more."]
        speed: i16 = LOW - 1, 2 + 3;
        /// Later.
        pub gain: f64 = 1.0 + 1.5, 3, "dB";
        late: [u8; 1 + 1] = [7, 1 + 2], 7, "m/s";
    }
}

macro_rules! commands {
    ($repr:ident, $vis:vis $name:ident<$parameter:ident: $bound:path> {
        $($variant:ident $(($($type:ty),*))? $({ $($field:ident: $field_type:ty),* })? $(= $value:literal)?;)*
    }) => {
        #[derive(Message, Clone, Copy, Debug, PartialEq)]
        #[repr($repr)]
        $vis enum $name<$parameter: $bound> {
            $($variant $(($($type),*))? $({ $($field: $field_type),* })? $(= $value)?,)*
        }
    };
}

commands!(u8, pub(crate) Command<T: Copy> {
    Halt = 3;
    Move([T; 2], bool);
    Turn { out: u16, bytes: T } = 9;
});

macro_rules! generic {
    ($name:ident, $length:expr, $($parameter:ident),*) => {
        #[derive(Message)]
        #[repr(C)]
        struct $name<$($parameter,)* const N: usize> {
            array: [[u8; N]; $length],
            $($parameter: $parameter,)*
        }
    };
}

generic!(Several, 1 + 1, A, B);

macro_rules! overlay {
    ($name:ident, $bus:literal, $($field:ident: $type:ty),*) => {
        #[derive(Message, Clone, Copy)]
        #[message(crate = $bus, unsafe_any_bits, bytemuck(Zeroable, AnyBitPattern))]
        #[repr(C)]
        union $name {
            $($field: $type,)*
        }
    };
}

overlay!(Word, "bus", whole: u32, halves: [u16; 2]);

/// Within a macro, each name is the macro's own: `value` twice, from two places.
macro_rules! hygienic {
    ($field:ident) => {
        #[derive(Message, Clone, Copy, Debug, PartialEq)]
        #[repr(C)]
        struct Hygienic {
            $field: u8,
            #[message(since = 2, default = {
                let out = 4;
                out + 1
            })]
            own: u8,
        }
    };
}

hygienic!(out);

/// Types by their way from the macro's own crate.
macro_rules! from_here {
    () => {
        #[derive(Message)]
        #[repr(C, u8)]
        enum FromHere {
            One(#[message(invariant = $crate::inner::check::<$crate::Side>)] $crate::Side),
            Two([u8; $crate::LENGTH]),
        }
    };
}

const LENGTH: usize = 3;

from_here!();

fn main() {
    let order = Order { price: 1.0, side: Side::Buy, sides: [Side::Sell, Side::Buy], bytes: [1, 2], out: true };
    let _ = (order.price, order.side, order.sides, order.bytes, order.out);
    let names: Vec<_> = Schema::of::<Order>().fields().iter().map(|f| f.name().to_owned()).collect();
    assert_eq!(names, ["price", "side", "sides", "bytes", "out"]);

    let schema = Schema::of::<Reading>();
    assert_eq!((schema.name(), schema.root().version()), ("Sample", 7));
    assert_eq!(schema.root().docs(), "A reading.\nOn two lines.");
    let fields = schema.fields();
    assert_eq!(fields[0].docs(), "Per second.\nAnd more.");
    assert_eq!(fields[0].bounds(), Some(Bounds::Integer { low: -4, high: 5 }));
    assert_eq!(fields.iter().map(|field| field.since()).collect::<Vec<_>>(), [1, 3, 7]);
    assert_eq!(fields.iter().map(|field| field.unit()).collect::<Vec<_>>(), ["", "dB", "m/s"]);
    assert_eq!(Reading::LATE.offset(), 16);

    assert!(<Command<u32>>::validate(&[3; 16]).is_ok());
    assert_eq!(<Command<bool>>::validate(&[4, 1, 2, 1]).unwrap_err().path(), "Move.0[1]");
    assert_eq!(<Command<bool>>::validate(&[9, 1, 0, 0, 2, 2]).unwrap_err().path(), "Turn.bytes");
    assert_eq!(<Several<u8, u8, 2>>::TYPE.size(), 6);
    assert!(Word::ANY_BITS && !FromHere::ANY_BITS);
    let mut bytes = [0; 2];
    // SAFETY: They are as many bytes as the type has.
    unsafe { Hygienic::write_absent(bytes.as_mut_ptr()) };
    assert_eq!(bytes, [0, 5]);
}
