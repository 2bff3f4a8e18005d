//! What is copied into boxes, slices above all: whole or not at all, whatever the publisher does meanwhile.

mod support;

use bus::{Error, Service, Topic, WithHeader};
use support::{LIMIT, Place, Test, roles};

roles!(racer);

type Scan = WithHeader<u64, [u64]>;

/// Scan `number` as a header, and as elements of which each says the same; how many there are changes with each.
fn elements(number: u64) -> Vec<u64> {
    vec![number; [0, 1, 7, 300, 5_000][number as usize % 5]]
}

#[track_caller]
fn check(scan: &Scan, number: u64) {
    assert_eq!((scan.header, &scan.data), (number, &elements(number)[..]), "scan {number} is not whole");
}

fn serve(bus: &bus::Bus) -> (Service, Topic<Scan>) {
    let service = bus.service("lidar").unwrap();
    let topic = service.topic::<Scan>("scans").history(2).open().unwrap();
    topic.item("front").unwrap();
    service.ready().unwrap();
    (service, topic)
}

fn publish(topic: &Topic<Scan>, number: u64) {
    let mut elements = elements(number).into_iter();
    let loan = topic.item("front").unwrap().loan_slice(elements.len()).unwrap();
    let draft = loan.fill_with(&number, |_| elements.next().unwrap());
    assert_eq!(draft.publish().unwrap(), number);
}

/// Publishes as fast as it can, until its test is done with it.
fn racer(test: &mut Test) {
    let bus = test.bus();
    let (_service, topic) = serve(&bus);
    publish(&topic, 1);
    test.say("ready");
    for number in 2.. {
        publish(&topic, number);
    }
}

#[test]
fn copies_are_whole_while_their_publisher_writes_on() {
    let place = Place::new();
    let mut racer = place.start("racer");
    racer.await_line("ready");
    let topic = place.bus().connect::<Scan>("lidar/scans").open().unwrap();
    let mut front = topic.item("front").unwrap();
    let mut link = topic.advise("front").boxed().unwrap();
    let (mut copies, mut last, mut seen) = (0, 0, None);
    while copies < 2_000 {
        match front.request_boxed() {
            Ok(update) => {
                check(&update.value, update.seq);
                assert!(update.seq >= last && update.missed == 0);
                last = update.seq;
                copies += 1;
            }
            Err(Error::Overrun { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        let update = link.recv_timeout(LIMIT).unwrap();
        check(&update.value, update.seq);
        assert!(
            seen.is_none_or(|seen| update.seq == seen + update.missed + 1),
            "{seen:?} and {}",
            update.seq
        );
        seen = Some(update.seq);
    }
    // The last one stays, also of a publisher that was in the middle of the next.
    racer.kill();
    support::until("its end is known", || topic.ended().is_some());
    let update = front.request_boxed().unwrap();
    assert!(update.stale && update.seq >= last);
    check(&update.value, update.seq);
}

#[test]
fn options_look_at_the_elements() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<[u32]>("topic").open().unwrap();
    let item = topic.item("a").unwrap();
    service.ready().unwrap();
    let client = bus.connect::<[u32]>("service/topic").open().unwrap();
    let mut long = client.advise("a").filter(|elements: &[u32]| elements.len() > 2).boxed().unwrap();
    let mut all = client.advise("*").boxed().unwrap();
    for len in [1, 3, 0, 2, 5] {
        item.publish(&vec![len; len as usize]).unwrap();
    }
    for (len, suppressed) in [(3, 1), (5, 2)] {
        let update = long.recv().unwrap();
        assert_eq!((&*update.value, update.suppressed), (&vec![len; len as usize][..], suppressed));
    }
    let mut updates = Vec::new();
    assert_eq!(all.recv_batch(&mut updates, 10).unwrap(), 5);
    let lens: Vec<_> = updates.iter().map(|update| update.value.len()).collect();
    assert_eq!(lens, [1, 3, 0, 2, 5]);
    assert_eq!(*client.request_boxed("a").unwrap().value, [5; 5]);
    assert!(matches!(client.request_boxed("b"), Err(Error::NoSuchItem { .. })));
}

#[test]
fn a_copy_is_aligned_as_its_type_is_and_as_long() {
    #[derive(bus::Message, Debug, Clone, Copy, PartialEq)]
    #[repr(C, align(64))]
    struct Aligned([u8; 64]);
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<WithHeader<Aligned, [u8]>>("topic").open().unwrap();
    let item = topic.item("a").unwrap();
    service.ready().unwrap();
    let client = bus.connect::<WithHeader<Aligned, [u8]>>("service/topic").open().unwrap();
    for len in 0..200_u8 {
        let loan = item.loan_slice(len.into()).unwrap();
        loan.fill_with(&Aligned([len; 64]), |index| index as u8).publish().unwrap();
        let value = client.request_boxed("a").unwrap().value;
        assert_eq!(value.header, Aligned([len; 64]));
        assert!((&raw const *value).addr().is_multiple_of(64));
        assert!(value.data.iter().copied().eq(0..len), "{:?}", &value.data);
    }
}

#[test]
fn messages_are_copied_into_boxes_wherever_they_lie() {
    type Large = [u64; 1 << 17];
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let in_slots = service.topic::<Large>("in slots").history(2).open().unwrap();
    let in_pool = service.topic::<Large>("in pool").history(2).samples(1).open().unwrap();
    let items = [&in_slots, &in_pool].map(|topic| topic.item("a").unwrap());
    service.ready().unwrap();
    for (topic, item) in ["in slots", "in pool"].into_iter().zip(items) {
        let client = bus.connect::<Large>(&format!("service/{topic}")).open().unwrap();
        let mut link = client.advise("a").boxed().unwrap();
        assert!(matches!(client.request_boxed("a"), Err(Error::NoValue { .. })));
        for number in 1..=5 {
            let value: Box<Large> = vec![number; 1 << 17].try_into().unwrap();
            item.publish(&value).unwrap();
            assert!(client.request_boxed("a").unwrap().value == value);
            assert!(link.recv_timeout(LIMIT).unwrap().value == value);
        }
    }
}
