//! Types inside of functions, several in one, and in what else can hold items.
#![deny(warnings)]
#![allow(dead_code)]

use bus::Message;

fn several() {
    #[derive(Message)]
    #[repr(C)]
    struct First {
        value: u8,
    }
    #[derive(Message, Clone, Copy)]
    #[message(invariant = fine, bytemuck(NoUninit, CheckedBitPattern))]
    #[repr(C)]
    struct Second {
        #[message(range = 1..=MOST)]
        value: u8,
        #[message(since = 2, default = MOST)]
        late: u8,
    }
    const MOST: u8 = 9;
    fn fine(_: &Second) -> bool {
        true
    }
    #[derive(Message)]
    #[repr(u8)]
    enum Command {
        Halt,
        Do(First, Second),
    }
    #[derive(Message)]
    #[repr(C, u8)]
    enum Either<L, R> {
        Left(L),
        Right(R),
    }
    #[derive(Message)]
    #[message(unsafe_any_bits)]
    #[repr(C)]
    union Word {
        whole: u32,
        halves: [u16; 2],
    }
    assert_eq!(First::VALUE.offset() + Second::LATE.offset(), 1);
    assert!(Command::validate(&[1, 0, 10, 0]).is_err());
    assert!(<Either<Command, First>>::validate(&[0, 0, 0, 0, 0]).is_ok());
    assert!(Word::ANY_BITS);
}

fn generic<T: Message, const N: usize>() -> usize {
    #[derive(Message)]
    #[repr(C)]
    struct Window<U, const M: usize> {
        values: [U; M],
    }
    size_of::<Window<T, N>>()
}

struct Outer;

impl Outer {
    const SIZE: usize = {
        #[derive(Message)]
        #[repr(C)]
        struct Inner {
            value: u64,
        }
        Inner::TYPE.size()
    };

    fn method(&self) -> usize {
        #[derive(Message)]
        #[repr(transparent)]
        struct Inner(u16);
        let closure = || {
            #[derive(Message)]
            #[repr(u8)]
            enum Inner {
                One = 1,
            }
            Inner::TYPE.size()
        };
        closure() + Inner::TYPE.size()
    }
}

fn main() {
    several();
    assert_eq!(generic::<u16, 3>(), 6);
    assert_eq!(Outer::SIZE + Outer.method(), 11);
}
