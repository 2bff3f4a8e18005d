//! Topics of slices: as many elements as each value has, held where they are.

mod support;

use bus::{Error, Message, WithHeader};
use support::{LIMIT, Place, Random, Test, proc, roles};

roles!(publisher, hoarder, archive);

/// What a scan says of itself, so that a reader can tell whether it is whole.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Header {
    number: u64,
    seed: u64,
}

type Scans = WithHeader<Header, [u32]>;

/// The elements of scan `number`: how many there are follows from the seed too.
fn elements(seed: u64, number: u64) -> impl ExactSizeIterator<Item = u32> {
    let mut random = Random::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // Mostly short, and now and then long.
    let most = if random.below(16) == 0 { 50_000 } else { 300 };
    let len = random.below(most);
    (0..len).map(move |_| random.next() as u32)
}

#[track_caller]
fn check(scan: &Scans) -> u64 {
    let Header { number, seed } = scan.header;
    let expected = elements(seed, number);
    assert_eq!(scan.data.len(), expected.len(), "scan {number}");
    assert!(scan.data.iter().copied().eq(expected), "scan {number} is not whole");
    number
}

/// Publishes as many scans as it is told, in turn by loan and by copy.
fn publisher(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("lidar").unwrap();
    let topic = service.topic::<Scans>("scans").history(4).lossless(LIMIT).samples(3).open().unwrap();
    let item = topic.item("front").unwrap();
    service.ready().unwrap();
    test.say("ready");
    let seed = 7;
    let mut number = 0;
    loop {
        for _ in 0..test.hear_number::<u64>() {
            number += 1;
            let mut elements = elements(seed, number);
            let header = Header { number, seed };
            let loan = item.loan_slice(elements.len()).unwrap();
            assert_eq!(loan.fill_with(&header, |_| elements.next().unwrap()).publish().unwrap(), number);
        }
        test.say(number);
    }
}

#[test]
fn slices_of_any_length_arrive_whole_and_none_is_lost() {
    let place = Place::new();
    let mut publisher = place.start("publisher");
    publisher.await_line("ready");
    let topic = place.bus().connect::<Scans>("lidar/scans").open().unwrap();
    let mut link = topic.advise("front").lossless(LIMIT).samples(3).unwrap();
    let scans = 2_000;
    publisher.say(scans);
    let mut kept = Vec::new();
    for number in 1..=scans {
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((check(&update.value), update.seq, update.missed), (number, number, 0));
        // Two are always held while others come.
        kept.push(update.value);
        if kept.len() > 2 {
            let oldest = kept.remove(0);
            assert_eq!(check(&oldest), number - 2, "what is held stays as it is");
        }
    }
    publisher.await_line(&scans.to_string());
}

#[test]
fn the_last_value_is_there_for_a_late_joiner_and_outlives_its_publisher() {
    let place = Place::new();
    let mut publisher = place.start("publisher");
    publisher.await_line("ready");
    assert_eq!(publisher.ask(5), "5");
    let bus = place.bus();
    let topic = bus.connect::<Scans>("lidar/scans").open().unwrap();
    let sample = topic.advise("front").samples(1).unwrap().recv_timeout(LIMIT).unwrap().value;
    publisher.kill();
    drop((topic, bus));
    assert_eq!(check(&sample), 5);
}

/// Publishes slices of the lengths that it is told, and says how much memory of the bus's it has mapped then.
fn hoarder(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<[u64]>("topic").history(16).open().unwrap();
    let item = topic.item("x").unwrap();
    service.ready().unwrap();
    loop {
        let length = test.hear_number();
        for _ in 0..100 {
            item.publish(&vec![7; length]).unwrap();
        }
        test.say(mapped());
    }
}

/// Bytes of the bus's memory that this process has mapped.
fn mapped() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let bytes = |line: &str| {
        let (start, end) = line.split_whitespace().next()?.split_once('-')?;
        Some(usize::from_str_radix(end, 16).ok()? - usize::from_str_radix(start, 16).ok()?)
    };
    maps.lines().filter(|line| line.contains("memfd:bus")).filter_map(bytes).sum()
}

#[test]
fn memory_follows_the_lengths_in_use() {
    let place = Place::new();
    let mut hoarder = place.start("hoarder");
    let mut mapped_after = |length: usize| -> usize { hoarder.ask(length).parse().unwrap() };
    let small = [0, 1, 7, 100].map(&mut mapped_after);
    assert!(small[3] < 1 << 20, "{small:?} for a few kilobytes");
    let megabyte = 1 << 20;
    let large = mapped_after(megabyte / 8);
    // The history, what may be held, a loan.
    assert!(large - small[3] <= 32 * megabyte, "{large} for values of a megabyte");
    assert_eq!(mapped_after(megabyte / 8), large, "and no more, however often");
    assert_eq!(mapped_after(100), large);
    let topic = place.bus().connect::<[u64]>("service/topic").open().unwrap();
    let mut link = topic.advise("x").samples(1).unwrap();
    assert_eq!(*link.recv_timeout(LIMIT).unwrap().value, [7; 100]);
}

/// Keeps many large values, and says how many descriptors and mappings that takes.
fn archive(test: &mut Test) {
    let bus = test.bus();
    let before = (proc::descriptors(), proc::mappings());
    let service = bus.service("service").unwrap();
    let topic = service.topic::<[u8]>("topic").history(256).open().unwrap();
    let item = topic.item("x").unwrap();
    service.ready().unwrap();
    for number in 1..=300_u64 {
        item.publish(&[number as u8; 40_000]).unwrap();
    }
    test.say(proc::descriptors() - before.0);
    test.say(proc::mappings() - before.1);
    test.hear();
}

#[test]
fn many_large_values_are_in_few_memories() {
    let place = Place::new();
    let mut archive = place.start("archive");
    let [descriptors, mappings]: [usize; 2] = [archive.hear_number(), archive.hear_number()];
    assert!(
        descriptors < 40 && mappings < 40,
        "{descriptors} descriptors, {mappings} mappings for 256 values"
    );
    let topic = place.bus().connect::<[u8]>("service/topic").open().unwrap();
    let last = topic.advise("x").samples(1).unwrap().recv_timeout(LIMIT).unwrap();
    assert_eq!((last.seq, &*last.value), (300, &[300_u64 as u8; 40_000][..]));
}

#[test]
fn there_are_as_many_values_as_allowed_whatever_lengths_they_have() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<[u8]>("topic").history(2).open().unwrap();
    let item = topic.item("x").unwrap();
    // Two of history, one loan, and the eight that links may hold of slices.
    let most = 2 + 1 + 8;
    let loans = |length: usize| -> Vec<_> { (0..most).map(|_| item.loan_slice(length).unwrap()).collect() };
    drop(loans(1));
    let large = loans(4096);
    // There is memory for small ones, and all the same there are as many values as there may be.
    for _ in 0..3 * most {
        let error = item.loan_slice(1).map(drop).unwrap_err();
        assert!(matches!(error, Error::Exhausted { link: 0, held: 11, .. }), "{error}");
        assert!(matches!(item.publish(&[1]), Err(Error::Exhausted { .. })));
    }
    drop(large);
    drop(loans(1));
    for number in 1..=100 {
        let length = if number % 2 == 0 { 1 } else { 5000 };
        assert_eq!(item.publish(&vec![1; length]).unwrap(), number);
    }
}

#[test]
fn what_cannot_be_is_said() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<[u32]>("topic").longest(10).samples(1).open().unwrap();
    let item = topic.item("x").unwrap();
    item.publish(&[1; 10]).unwrap();
    let too_long = item.publish(&[1; 11]).unwrap_err();
    assert!(matches!(too_long, Error::InvalidOption { option: "length of a value", .. }), "{too_long}");
    service.ready().unwrap();
    let topic_here = bus.connect::<[u32]>("service/topic").open().unwrap();
    let two = topic_here.advise("x").samples(2).unwrap_err();
    assert!(matches!(two, Error::Refused { .. }) && two.to_string().contains("at most 1"), "{two}");
    let other = bus.connect::<[i32]>("service/topic").open().unwrap_err();
    assert!(matches!(other, Error::TypeMismatch { .. }), "{other}");
    let one = bus.connect::<u32>("service/topic").open().unwrap_err();
    assert!(matches!(one, Error::TypeMismatch { .. }), "{one}");
    // Nothing of that was in anybody's way.
    let mut link = topic_here.advise("x").samples(1).unwrap();
    assert_eq!(&*link.recv_timeout(LIMIT).unwrap().value, [1; 10]);
}
