//! A program with version 2 of the messages; see `tests/evolution.rs`.

mod peer;

use core::mem::offset_of;

use bus::Message;
use bus::message::{Declaration, FieldDescriptor, Invalid, Name, TypeDescriptor};

/// Defines a message of version 2 whose fields are there since the versions that are said, and have defaults where
/// they are new.
macro_rules! second_version {
    (struct $name:ident { $($field:ident: $type:ty, since $since:literal $(= $default:expr)?;)* }) => {
        #[derive(Debug, Clone, Copy)]
        #[repr(C)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
        }

        // SAFETY: the type owns and points to nothing, since its fields are messages; the descriptor has all of
        // them, with their types and at their offsets, and each is written and checked there as what it is.
        unsafe impl Message for $name {
            const TYPE: &'static TypeDescriptor = &TypeDescriptor::structure::<Self>(
                Declaration::new(Name::new(stringify!($name))).with_version(2),
                &[$(
                    FieldDescriptor::of::<$type>(Name::new(stringify!($field)), offset_of!(Self, $field), "")
                        .with_since($since),
                )*],
            );

            unsafe fn write_fields(&self, out: *mut u8) {
                $(
                    // SAFETY: the field lies at this offset in the message for which the caller vouches.
                    unsafe { self.$field.write_fields(out.add(offset_of!(Self, $field))) };
                )*
            }

            unsafe fn write_absent(out: *mut u8) {
                $(
                    // SAFETY: as above.
                    unsafe { <$type>::write_absent(out.add(offset_of!(Self, $field))) };
                    $(
                        let default: $type = $default;
                        // SAFETY: as above.
                        unsafe { default.write_fields(out.add(offset_of!(Self, $field))) };
                    )?
                )*
            }

            fn validate(bytes: &[u8]) -> Result<(), Invalid> {
                $(
                    <$type>::validate(&bytes[offset_of!(Self, $field)..][..size_of::<$type>()])
                        .map_err(|invalid| invalid.within(stringify!($field)))?;
                )*
                Ok(())
            }
        }
    };
}

second_version! {
    struct Level {
        price: f64, since 1;
        count: u32, since 1;
        venue: u16, since 2 = 77;
        firm: bool, since 2 = true;
    }
}

second_version! {
    struct Quote {
        bid: Level, since 1;
        asks: [Level; 2], since 1;
        size: u32, since 1;
        lot: u64, since 2 = 100;
        best: Level, since 2 = Level { price: 0.5, count: 0, venue: 1, firm: false };
    }
}

second_version! {
    struct Trade {
        price: f64, since 1;
        size: u32, since 1;
    }
}

/// Changes that are no evolution.
mod unmarked {
    use super::*;

    second_version! {
        struct Trade {
            price: f64, since 1;
            size: u32, since 1;
            venue: u16, since 1;
        }
    }
}

mod inserted {
    use super::*;

    second_version! {
        struct Trade {
            price: f64, since 1;
            venue: u16, since 2 = 0;
            size: u32, since 1;
        }
    }
}

mod retyped {
    use super::*;

    second_version! {
        struct Trade {
            price: f32, since 1;
            size: u32, since 1;
            venue: u16, since 2 = 0;
        }
    }
}

impl peer::Sample for Quote {
    fn sample(number: u32) -> Self {
        let level = |count| Level { price: f64::from(number), count, venue: 20, firm: false };
        Quote { bid: level(1), asks: [level(2), level(3)], size: number, lot: 30, best: level(4) }
    }

    fn number(&self) -> Option<u32> {
        let Quote { bid, asks: [first, second], size, .. } = *self;
        let whole = [bid, first, second].map(|level| (level.price, level.count))
            == [1, 2, 3].map(|count| (f64::from(size), count));
        let new = [bid.venue, first.venue, second.venue];
        // Either all are of a sample, or all are the default.
        (whole && (new == [20; 3] || new == [77; 3])).then_some(size)
    }
}

fn main() {
    peer::play::<Quote, Trade>(|service| {
        service.topic::<unmarked::Trade>("unmarked").open().unwrap();
        service.topic::<inserted::Trade>("inserted").open().unwrap();
        service.topic::<retyped::Trade>("retyped").open().unwrap();
    });
}
