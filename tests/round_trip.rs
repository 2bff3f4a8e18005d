//! What one process publishes is, bit for bit, what another reads.
//!
//! For every kind of type that can be a message: a value that is requested, a value that a hot link begins with,
//! and a value that is published while the link waits for it. Values are compared as bytes, so that a NaN keeps its
//! payload and a zero its sign. In the memory that is shared, padding is zero, whatever the publisher's own memory
//! held there.

mod support;

use core::fmt::Debug;
use core::marker::PhantomData;
use core::num::NonZero;

use bus::{Bus, FixedBytes, FixedMap, FixedStr, FixedVec, Maybe, Message, Nanoseconds, Service, Stamp};
use support::wire::Client;
use support::{LIMIT, Place, Test, roles};

roles!(publisher);

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Numbers {
    i8: i8,
    u128: u128,
    u8: u8,
    i64: i64,
    u16: u16,
    f32: f32,
    i16: i16,
    f64: f64,
    u32: u32,
    i128: i128,
    i32: i32,
    u64: u64,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct NonZeros {
    u8: NonZero<u8>,
    i16: NonZero<i16>,
    u32: NonZero<u32>,
    i64: NonZero<i64>,
    u128: NonZero<u128>,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(u8)]
enum Small {
    First,
    Other = 7,
    Last = 255,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(i64)]
enum Wide {
    Least = i64::MIN,
    Nothing = 0,
    Most = i64::MAX,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(i16)]
enum Signed {
    Below = -300,
    Above = 300,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(u32)]
enum Unsigned {
    Top = u32::MAX,
    Bottom = 0,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Nothing;

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Tuple(u8, f64, bool);

#[derive(Message, Debug, Clone, Copy)]
#[repr(transparent)]
struct Metres(f64);

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Many<T: Message, const N: usize> {
    first: u8,
    values: [T; N],
    last: T,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Nested {
    flags: [bool; 3],
    sign: char,
    tuples: [Tuple; 2],
    many: Many<Small, 3>,
    nothing: Nothing,
    length: Metres,
    name: FixedStr<11>,
    grid: [[i16; 2]; 3],
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Large {
    words: [u64; 8192],
}

macro_rules! aligned {
    ($($name:ident $align:literal),*) => {$(
        #[derive(Message, Debug, Clone, Copy)]
        #[repr(C, align($align))]
        struct $name {
            byte: u8,
        }
    )*};
}

aligned!(Align1 1, Align2 2, Align4 4, Align8 8, Align16 16, Align32 32, Align64 64, Align4096 4096);

/// Something to do with two values of each kind of type.
trait Visit {
    fn visit<T: Message + Copy + Debug>(&mut self, name: &'static str, values: [T; 2]);
}

fn every_kind(visitor: &mut impl Visit) {
    macro_rules! integers {
        ($($integer:ident),*) => { $(visitor.visit(stringify!($integer), [$integer::MIN, $integer::MAX]);)* };
    }
    integers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);
    visitor.visit("f32", [f32::from_bits(0x7fa0_1234), -0.0]);
    visitor.visit("f64", [f64::from_bits(0xfff4_0000_dead_beef), f64::MIN_POSITIVE / 2.0]);
    visitor.visit("bool", [false, true]);
    visitor.visit("char", ['\0', char::MAX]);
    visitor.visit("array", [[1u8, 2, 3, 4, 5], [250, 251, 252, 253, 254]]);
    visitor.visit("text", [FixedStr::<5>::truncated("añ"), FixedStr::new()]);
    let numbers = Numbers {
        i8: -1,
        u128: u128::MAX - 1,
        u8: 2,
        i64: -3,
        u16: 4,
        f32: f32::NEG_INFINITY,
        i16: -5,
        f64: core::f64::consts::PI,
        u32: 6,
        i128: i128::MIN + 7,
        i32: -8,
        u64: 9,
    };
    visitor.visit("numbers", [numbers, Numbers { i8: 100, u64: 101, ..numbers }]);
    let non_zeros = NonZeros {
        u8: NonZero::<u8>::MAX,
        i16: NonZero::<i16>::MIN,
        u32: NonZero::<u32>::MIN,
        i64: NonZero::<i64>::MAX,
        u128: NonZero::<u128>::MAX,
    };
    visitor.visit("non-zeros", [non_zeros, NonZeros { u8: NonZero::<u8>::MIN, ..non_zeros }]);
    visitor.visit("enum u8", [Small::Last, Small::First]);
    visitor.visit("enum i64", [Wide::Least, Wide::Most]);
    visitor.visit("enum i16", [Signed::Below, Signed::Above]);
    visitor.visit("enum u32", [Unsigned::Top, Unsigned::Bottom]);
    visitor.visit("unit struct", [Nothing; 2]);
    visitor.visit("tuple struct", [Tuple(1, -2.5, true), Tuple(255, f64::INFINITY, false)]);
    visitor.visit("transparent", [Metres(1e300), Metres(-1e-300)]);
    let many = Many { first: 1, values: [10u16, 20, 30], last: 40 };
    visitor.visit("generic", [many, Many { last: 41, ..many }]);
    let nested = Nested {
        flags: [true, false, true],
        sign: '√',
        tuples: [Tuple(1, 2.0, true), Tuple(3, 4.0, false)],
        many: Many { first: 5, values: [Small::Other, Small::First, Small::Last], last: Small::Other },
        nothing: Nothing,
        length: Metres(6.0),
        name: FixedStr::truncated("hello world"),
        grid: [[1, -2], [3, -4], [5, -6]],
    };
    visitor.visit("nested", [nested, Nested { name: FixedStr::truncated("x"), sign: 'x', ..nested }]);
    visitor.visit("aligned to 1", [Align1 { byte: 1 }, Align1 { byte: 2 }]);
    visitor.visit("aligned to 2", [Align2 { byte: 1 }, Align2 { byte: 2 }]);
    visitor.visit("aligned to 4", [Align4 { byte: 1 }, Align4 { byte: 2 }]);
    visitor.visit("aligned to 8", [Align8 { byte: 1 }, Align8 { byte: 2 }]);
    visitor.visit("aligned to 16", [Align16 { byte: 1 }, Align16 { byte: 2 }]);
    visitor.visit("aligned to 32", [Align32 { byte: 1 }, Align32 { byte: 2 }]);
    visitor.visit("aligned to 64", [Align64 { byte: 1 }, Align64 { byte: 2 }]);
    visitor.visit("aligned to 4096", [Align4096 { byte: 1 }, Align4096 { byte: 2 }]);
    visitor.visit("unread variants", [[Wide::Nothing; 2]; 2]);
    large(visitor);
    variable(visitor);
}

/// Apart, for the stack's sake.
fn large(visitor: &mut impl Visit) {
    let ascending = Large { words: core::array::from_fn(|index| index as u64) };
    let descending = Large { words: core::array::from_fn(|index| !(index as u64)) };
    visitor.visit("64 KiB", [ascending, descending]);
}

/// Kinds of which not every byte is in use.
fn variable(visitor: &mut impl Visit) {
    visitor.visit("data enum", [Command::Halt, Command::Move { speed: -0.0, fast: true }]);
    visitor.visit("data enum, C", [Reply::Text(FixedStr::truncated("no")), Reply::Codes([1, u16::MAX, 0])]);
    visitor.visit("union", [Word { whole: u64::MAX }, Word { halves: [1, 2] }]);
    visitor.visit("maybe", [Maybe::Some(Tuple(7, 0.5, true)), Maybe::None]);
    visitor.visit("option of non-zero", [NonZero::<i32>::new(-5), None]);
    visitor.visit("bytes", [FixedBytes::<6>::from([0, 255, 0]), FixedBytes::new()]);
    visitor.visit("list", [FixedVec::<u16, 3>::from([1, 2, 3]), FixedVec::new()]);
    let tuples = FixedVec::<Tuple, 4>::from([Tuple(1, 2.0, true), Tuple(3, 4.0, false)]);
    visitor.visit("list with padding", [tuples, FixedVec::new()]);
    let map = FixedMap::<char, Small, 3>::try_from([('b', Small::Other), ('a', Small::Last)]).unwrap();
    visitor.visit("map", [map, FixedMap::new()]);
    visitor.visit("time", [Nanoseconds::MAX, Nanoseconds::ZERO].map(Times::within));
    let limits = Limits { speed: 1.5, counts: [1, 9], unit: PhantomData };
    visitor.visit("checked", [limits, Limits { speed: -10.0, ..limits }]);
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(u16)]
enum Command {
    Halt = 3,
    Move { speed: f64, fast: bool },
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C, u8)]
enum Reply {
    Text(FixedStr<9>),
    Codes([u16; 3]),
}

#[derive(Message, Clone, Copy)]
#[repr(C)]
#[message(unsafe_any_bits)]
union Word {
    whole: u64,
    halves: [u32; 2],
}

impl Debug for Word {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // SAFETY: all fields accept all bits.
        write!(f, "Word({:?})", unsafe { self.halves })
    }
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Times {
    at: Stamp,
    within: Nanoseconds,
}

impl Times {
    fn within(within: Nanoseconds) -> Self {
        Times { at: Stamp::UNIX_EPOCH, within }
    }
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Limits {
    #[message(unit = "m/s", range = -10.0..=10.0)]
    speed: f32,
    #[message(invariant = rises)]
    counts: [u8; 2],
    unit: PhantomData<Metres>,
}

fn rises(counts: &[u8; 2]) -> bool {
    counts[0] < counts[1]
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Odd {
    a: u8,
    word: u16,
    flag: bool,
    double: f64,
    bytes: [u8; 11],
    small: Small,
    long: [u64; 3],
}

#[test]
fn one_field_is_requested_alone() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("fields").unwrap();
    let topic = service.topic::<Odd>("topic").open().unwrap();
    let odd = Odd {
        a: 1,
        word: 0x0203,
        flag: true,
        double: 4.5,
        bytes: *b"hello world",
        small: Small::Other,
        long: [6, 7, 8],
    };
    topic.item("item").unwrap().publish(&odd).unwrap();
    service.ready().unwrap();
    let mut item = bus.connect::<Odd>("fields/topic").open().unwrap().item("item").unwrap();
    assert_eq!(item.request_field(Odd::A).unwrap().value, 1);
    assert_eq!(item.request_field(Odd::WORD).unwrap().value, 0x0203);
    assert!(item.request_field(Odd::FLAG).unwrap().value);
    assert_eq!(item.request_field(Odd::DOUBLE).unwrap().value, 4.5);
    assert_eq!(item.request_field(Odd::BYTES).unwrap().value, *b"hello world");
    assert!(matches!(item.request_field(Odd::SMALL).unwrap().value, Small::Other));
    assert_eq!(item.request_field(Odd::LONG).unwrap().value, [6, 7, 8]);
    drop(topic);
    service.close();
    while !item.request().unwrap().stale {}
    let last = item.request_field(Odd::LONG).unwrap();
    assert_eq!((last.value, last.seq, last.stale), ([6, 7, 8], 1, true));
}

/// Creates a topic for each kind; then publishes the first values, and when told to, the second.
fn publisher(test: &mut Test) {
    struct Publish {
        service: Service,
        again: Vec<Box<dyn Fn()>>,
    }
    impl Visit for Publish {
        fn visit<T: Message + Copy + Debug>(&mut self, name: &'static str, values: [T; 2]) {
            let topic = self.service.topic::<T>(name).open().unwrap();
            topic.item("value").unwrap().publish(&values[1]).unwrap();
            topic.item("value").unwrap().publish(&values[0]).unwrap();
            self.again.push(Box::new(move || {
                topic.item("value").unwrap().publish(&values[1]).unwrap();
            }));
        }
    }
    let mut publish = Publish { service: test.bus().service("kinds").unwrap(), again: Vec::new() };
    every_kind(&mut publish);
    publish.service.ready().unwrap();
    test.say("ready");
    test.await_line("again");
    publish.again.iter().for_each(|publish| publish());
    test.await_line("end");
}

#[test]
fn every_kind_of_value_arrives_as_it_was() {
    struct Read {
        bus: Bus,
        rest: Vec<Box<dyn FnOnce()>>,
    }
    impl Visit for Read {
        fn visit<T: Message + Copy + Debug>(&mut self, name: &'static str, values: [T; 2]) {
            let topic = self.bus.connect::<T>(&format!("kinds/{name}")).open().unwrap();
            let requested = topic.request("value").unwrap();
            assert_eq!((requested.seq, bytes(&requested.value)), (2, bytes(&values[0])), "{name}, requested");
            let mut item = topic.advise("value").hot().unwrap();
            let mut all = topic.advise("*").hot().unwrap();
            for link in [&mut item, &mut all] {
                let present = link.recv_timeout(LIMIT).unwrap();
                assert_eq!((present.seq, bytes(&present.value)), (2, bytes(&values[0])), "{name}, present");
            }
            self.rest.push(Box::new(move || {
                for mut link in [item, all] {
                    let next = link.recv_timeout(LIMIT).unwrap();
                    assert_eq!((next.seq, next.missed, next.gap, next.stale), (3, 0, false, false), "{name}");
                    assert_eq!(bytes(&next.value), bytes(&values[1]), "{name}, next");
                }
            }));
        }
    }
    let place = Place::new();
    let mut publisher = place.start("publisher");
    publisher.await_line("ready");
    let mut read = Read { bus: place.bus(), rest: Vec::new() };
    every_kind(&mut read);
    publisher.say("again");
    read.rest.into_iter().for_each(|rest| rest());
    publisher.say("end");
    publisher.finish();
}

/// The bytes of a value, with padding as zero.
fn bytes<T: Message>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<T>()];
    // SAFETY: the vector has as many bytes as a `T`, and nothing else refers to them.
    unsafe { value.write_fields(bytes.as_mut_ptr()) };
    bytes
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Gaps {
    byte: u8,
    wide: u64,
    flag: bool,
    half: u16,
    tail: u8,
}

#[test]
fn padding_is_zero_in_the_memory_that_is_shared() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("gaps").unwrap();
    let topic = service.topic::<Gaps>("topic").history(2).open().unwrap();
    let item = topic.item("item").unwrap();
    service.ready().unwrap();

    // A value in whose padding every bit is set, as it may be in one built over used memory.
    let mut dirty = core::mem::MaybeUninit::<Gaps>::uninit();
    let start = dirty.as_mut_ptr();
    // SAFETY: these are all the bytes of the place.
    unsafe { start.cast::<u8>().write_bytes(0xff, size_of::<Gaps>()) };
    // SAFETY: the field lies inside the place, which is aligned for it.
    unsafe { (&raw mut (*start).flag).write(true) };
    // SAFETY: every byte is initialised, and every field is a value of its type: only a `bool` cannot be all ones.
    let dirty = unsafe { dirty.assume_init_ref() };
    for _ in 0..4 {
        item.publish(dirty).unwrap();
    }

    let mut client = Client::greeted(&place, "gaps");
    let topic = client.connect("topic").view();
    let mut expected = [0; size_of::<Gaps>()];
    expected[0] = 0xff;
    expected[8..16].fill(0xff);
    expected[16] = 1;
    expected[18..21].fill(0xff);
    for slot in 0..2 {
        assert_eq!(topic.message(0, slot), expected, "slot {slot}");
    }
}

#[test]
fn a_message_lies_in_shared_memory_where_its_alignment_asks() {
    struct Look {
        place: Place,
        service: Service,
    }
    impl Visit for Look {
        fn visit<T: Message + Copy + Debug>(&mut self, name: &'static str, values: [T; 2]) {
            let topic = self.service.topic::<T>(name).history(2).open().unwrap();
            values.iter().for_each(|value| assert!(topic.item("item").unwrap().publish(value).is_ok()));
            let view = Client::greeted(&self.place, "aligned").connect(name).view();
            let (parameters, layout) = (view.parameters(), view.parameters().layout());
            assert_eq!(
                (parameters.message_size, parameters.message_align),
                (size_of::<T>(), align_of::<T>())
            );
            for (slot, value) in [(1, &values[0]), (0, &values[1])] {
                assert_eq!(view.message(0, slot), bytes(value), "{name}");
                let message = layout.items + 16 + slot * layout.stride + layout.payload;
                // Slots begin 128 bytes behind what is aligned to a page.
                assert_eq!(message * 8 % align_of::<T>().min(128), 0, "{name}");
            }
        }
    }
    let place = Place::new();
    let service = place.bus().service("aligned").unwrap();
    service.ready().unwrap();
    let mut look = Look { place, service };
    every_kind(&mut look);
    let Look { place, service } = look;
    service.close();
    drop(place);
}
