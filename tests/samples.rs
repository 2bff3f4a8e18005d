//! A sample is the value where its publisher wrote it, and stays it as long as it is kept.
//!
//! Publisher and holders are processes of their own. The publisher never waits for a holder and never writes what is held;
//! where holders keep all the memory that there is, it says who. What holders let go, and what they held when they died, is
//! free at once. Whoever copies, or asks for the present value, is served exactly all the while.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use bus::{Error, Message, Sample};
use support::studio::{Outcome, Plan, visit};
use support::{Frame, Holder, LIMIT, Place, Random, Studio, holder, roles, studio, until};

roles!(studio, holder);

const PLAN: Plan = Plan { history: 4, items: 1, samples: 4, patience: 0 };

#[test]
fn a_sample_stays_as_it_is_while_thousands_are_published() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    studio.publish(0, 1);
    let mut link = visit(&place.bus()).advise("0").samples(2).unwrap();
    let first = link.recv().unwrap();
    assert_eq!((first.seq, first.missed, first.value.check()), (1, 0, (0, 1)));
    assert_eq!(studio.publish(0, 3000), 3001);
    assert_eq!(first.value.check(), (0, 1));
    // What comes next is the oldest that is still there, and all between is counted.
    let second = link.recv().unwrap();
    assert_eq!((second.seq, second.missed, second.value.check()), (2998, 2996, (0, 2998)));
    assert_eq!(studio.publish(0, 3000), 6001);
    assert_eq!((first.value.check(), second.value.check()), ((0, 1), (0, 2998)));
}

#[test]
fn clones_go_to_other_threads_and_any_of_them_may_be_the_last() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    let mut link = visit(&place.bus()).advise("0").wait(LIMIT).samples(4).unwrap();
    studio.flow();
    for _ in 0..50 {
        // All that the link may hold, four times each.
        let mut samples: Vec<(u64, Sample<Frame>)> = Vec::new();
        for _ in 0..4 {
            let update = link.recv_timeout(LIMIT).unwrap();
            samples.extend((0..4).map(|_| (update.seq, update.value.clone())));
        }
        (0..samples.len()).for_each(|index| samples.swap(index, random.below(16)));
        std::thread::scope(|scope| {
            for part in samples.chunks(4).map(<[_]>::to_vec) {
                scope.spawn(move || {
                    part.into_iter().for_each(|(seq, sample)| assert_eq!(sample.check().1, seq))
                });
            }
            // These go first, or last, or in between.
            for (seq, sample) in samples.drain(..) {
                assert_eq!(sample.check().1, seq);
            }
        });
    }
    studio.stop_flow();
}

#[test]
fn who_holds_all_it_may_is_told_so_and_loses_nothing_uncounted() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    let mut link = visit(&place.bus()).advise("0").samples(3).unwrap();
    studio.publish(0, 3);
    let mut held: Vec<_> = (1..=3).map(|_| link.recv().unwrap()).collect();
    assert!(link.try_recv().unwrap().is_none(), "there is nothing that it would have to hold");
    studio.publish(0, 10);
    for _ in 0..2 {
        let error = link.recv_timeout(LIMIT).unwrap_err();
        let Error::HoldsAll { what, samples } = &error else { panic!("{error}") };
        assert_eq!((&**what, *samples), ("studio/frames/0", 3));
    }
    held.remove(1);
    let update = link.recv().unwrap();
    assert_eq!((update.seq, update.missed, update.value.check()), (10, 6, (0, 10)));
    assert!(matches!(link.try_recv(), Err(Error::HoldsAll { .. })));
    drop(held);
    for seq in 11..=13 {
        let update = link.recv().unwrap();
        assert_eq!((update.seq, update.missed, update.value.check()), (seq, 0, (0, seq)));
    }
    assert!(link.try_recv().unwrap().is_none());
}

/// Two holders that together hold all that there is beyond the last value, and more than the topic has for them: the first
/// holds 4 and the second 3 of the values 1 to 7, with 7 the last.
fn exhaust(place: &Place) -> (Studio, Holder, Holder) {
    let mut studio = Studio::start(place, Plan { history: 2, ..PLAN });
    let mut holders = [4, 3].map(|samples| Holder::start(place, 0, samples));
    for number in 1..=7 {
        assert_eq!(studio.try_publish(0, 1), Outcome::Done(number));
        // The second takes what the first does not.
        let [first, second] = &mut holders;
        if number <= 4 {
            assert_eq!(first.take(), number);
        } else {
            while second.take() < number {
                second.let_go();
            }
        }
    }
    let [first, second] = holders;
    (studio, first, second)
}

#[test]
fn who_keeps_a_publisher_from_publishing_is_named_and_nothing_is_lost() {
    let place = Place::new();
    let (mut studio, mut first, mut second) = exhaust(&place);
    assert_eq!(first.check(), [1, 2, 3, 4]);
    assert_eq!(second.check(), [5, 6, 7]);
    let topic = visit(&place.bus());
    let mut copies = topic.advise("0").hot().unwrap();
    assert_eq!(copies.recv().unwrap().seq, 7);
    let (pid, link) = (first.process.pid(), first.link);
    for _ in 0..3 {
        assert_eq!(studio.try_publish(0, 1), Outcome::Exhausted { pid, link, held: 4 });
    }
    assert_eq!(topic.request("0").unwrap().value.check(), (0, 7));
    assert!(copies.try_recv().unwrap().is_none());
    // As soon as anybody lets go of anything, it goes on where it was.
    second.let_go();
    assert_eq!(studio.try_publish(0, 1), Outcome::Done(8));
    let update = copies.recv().unwrap();
    assert_eq!((update.seq, update.missed, update.value.check()), (8, 0, (0, 8)));
    assert_eq!((first.check(), second.check()), (vec![1, 2, 3, 4], vec![6, 7]));
}

#[test]
fn the_memory_of_a_killed_holder_is_free_at_once() {
    for _ in 0..10 {
        let place = Place::new();
        let (mut studio, mut first, mut second) = exhaust(&place);
        assert!(matches!(studio.try_publish(0, 1), Outcome::Exhausted { .. }));
        first.process.kill();
        assert_eq!(studio.try_publish(0, 1), Outcome::Done(8));
        assert_eq!(studio.try_publish(0, 100), Outcome::Done(108));
        assert_eq!(second.check(), [5, 6, 7]);
        second.process.kill();
        // Another takes its place, with all that it had.
        let mut other = Holder::start(&place, 0, 4);
        let held: Vec<u64> = (0..4).map(|_| (other.take(), studio.publish(0, 1)).0).collect();
        studio.publish(0, 100);
        assert_eq!(other.check(), held);
    }
}

#[test]
fn a_stopped_holder_keeps_its_values_and_hurts_nobody_else() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    let mut holder = Holder::start(&place, 0, 4);
    for number in 1..=4 {
        studio.publish(0, 1);
        assert_eq!(holder.take(), number);
    }
    holder.process.stop();
    let mut copies = visit(&place.bus()).advise("0").prime(false).hot().unwrap();
    let mut missed = 0;
    for number in 5..=1000 {
        assert_eq!(studio.try_publish(0, 1), Outcome::Done(number));
        let update = copies.recv().unwrap();
        missed += update.missed;
        assert_eq!((update.seq, update.value.check()), (number, (0, number)));
    }
    assert_eq!(missed, 0);
    holder.process.resume();
    assert_eq!(holder.check(), [1, 2, 3, 4]);
}

#[test]
fn who_comes_late_gets_the_last_value() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    studio.publish(0, 100);
    let topic = visit(&place.bus());
    for _ in 0..3 {
        let update = topic.advise("0").samples(1).unwrap().recv().unwrap();
        assert_eq!((update.seq, update.missed, update.value.check()), (100, 0, (0, 100)));
    }
}

#[test]
fn what_is_not_granted_is_refused_with_both_numbers() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let plain = service.topic::<u64>("plain").open().unwrap();
    let pooled = service.topic::<u64>("pooled").samples(4).open().unwrap();
    plain.item("item").unwrap().publish(&1).unwrap();
    pooled.item("item").unwrap().publish(&1).unwrap();
    service.ready().unwrap();
    let refused = |topic: &str, item: &str, samples| {
        let topic = bus.connect::<u64>(topic).open().unwrap();
        match topic.advise(item).samples(samples) {
            Err(error @ Error::Refused { .. }) => error.to_string(),
            Err(error) => panic!("expected a refusal, got {error}"),
            Ok(_) => panic!("expected a refusal"),
        }
    };
    assert!(refused("service/plain", "item", 1).contains("`.samples(n)`"));
    let text = refused("service/pooled", "item", 5);
    assert!(text.contains("5 values") && text.contains("at most 4"), "{text}");
    assert!(refused("service/pooled", "*", 5).contains("at most 4"));
    let topic = bus.connect::<u64>("service/pooled").open().unwrap();
    for none in [0, usize::MAX] {
        let error = topic.advise("item").samples(none).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "samples", .. }), "{error}");
    }
    assert_eq!(*topic.advise("item").samples(4).unwrap().recv().unwrap().value, 1);
}

#[test]
fn a_lossless_link_of_samples_loses_nothing() {
    const VALUES: u64 = 400;
    let place = Place::new();
    let mut studio = Studio::start(&place, Plan { patience: 60_000, ..PLAN });
    let topic = visit(&place.bus());
    let mut link = topic.advise("0").lossless(LIMIT).samples(4).unwrap();
    studio.begin_publish(0, VALUES);
    let mut held = std::collections::VecDeque::new();
    for number in 1..=VALUES {
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.seq, update.missed), (number, 0));
        held.push_back((number, update.value));
        if held.len() == 4 {
            let (number, sample) = held.pop_front().unwrap();
            assert_eq!(sample.check(), (0, number));
        }
    }
    assert_eq!(studio.outcome(), Outcome::Done(VALUES));
    held.iter().for_each(|(number, sample)| assert_eq!(sample.check(), (0, *number)));
}

mod v1 {
    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(C)]
    pub(crate) struct Image {
        pub(crate) pixels: [u64; 32],
    }
}

mod v2 {
    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(C)]
    pub(crate) struct Image {
        pub(crate) pixels: [u64; 32],
        #[message(since = 2, default = 9)]
        pub(crate) gain: u64,
    }
}

#[test]
fn values_of_another_version_cannot_be_held_but_copied() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<v1::Image>("topic").samples(4).open().unwrap();
    topic.item("item").unwrap().publish(&v1::Image { pixels: [7; 32] }).unwrap();
    service.ready().unwrap();
    let newer = bus.connect::<v2::Image>("service/topic").open().unwrap();
    let error = newer.advise("item").samples(1).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    for part in ["`service/topic/item`", "another version", "advise with `hot`"] {
        assert!(error.to_string().contains(part), "{part:?} is missing in {error}");
    }
    until("nothing is left of it there", || service.clients().iter().all(|client| client.links == 0));
    let copy = newer.advise("item").hot().unwrap().recv().unwrap().value;
    assert_eq!((copy.pixels, copy.gain), ([7; 32], 9));
    assert_eq!(newer.request("item").unwrap().value.gain, 9);
}

#[test]
fn those_who_copy_are_served_exactly_while_values_are_published_as_fast_as_it_goes() {
    const UPDATES: usize = 1500;
    let place = Place::new();
    let mut studio = Studio::start(&place, Plan { items: 3, ..PLAN });
    let topic = visit(&place.bus());
    let links = || {
        [topic.advise("0"), topic.advise("1").latest(), topic.advise("*"), topic.advise("*").latest()]
            .map(|advise| advise.prime(false).hot().unwrap())
    };
    let links = links();
    let mut holding = topic.advise("2").samples(4).unwrap();
    studio.flow();
    std::thread::scope(|scope| {
        for mut link in links {
            scope.spawn(move || {
                let mut last = BTreeMap::new();
                for _ in 0..UPDATES {
                    let update = link.recv_timeout(LIMIT).unwrap();
                    let (item, number) = update.value.check();
                    assert_eq!((number, &*link.name(update.item)), (update.seq, &*item.to_string()));
                    let last = last.entry(item).or_insert(0);
                    assert_eq!(update.seq, *last + update.missed + 1);
                    *last = update.seq;
                }
            });
        }
        scope.spawn(|| {
            let mut item = topic.item("1").unwrap();
            let mut last = 0;
            for _ in 0..UPDATES {
                let (_, number) = match item.request() {
                    Ok(update) => update.value.check(),
                    Err(Error::NoValue { .. } | Error::Overrun { .. }) => continue,
                    Err(error) => panic!("{error}"),
                };
                assert!(number >= last, "it went back");
                last = number;
            }
        });
        for _ in 0..UPDATES {
            let held = holding.recv_timeout(LIMIT).unwrap();
            assert_eq!(held.value.check(), (2, held.seq));
        }
    });
    studio.stop_flow();
}

#[test]
fn a_topic_grows_under_those_who_hold_its_values() {
    const ITEMS: u64 = 60;
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    studio.publish(0, 1);
    let topic = visit(&place.bus());
    let mut all = topic.advise("*").hot().unwrap();
    assert_eq!(all.recv().unwrap().value.check(), (0, 1));
    let first = topic.advise("0").samples(1).unwrap().recv().unwrap().value;
    let mut held = vec![(0, 1, first)];
    for item in 1..ITEMS {
        studio.add(1);
        assert_eq!(studio.publish(item, 1), 1);
        assert_eq!(all.recv_timeout(LIMIT).unwrap().value.check(), (item, 1));
        if item.is_multiple_of(20) {
            let mut link = topic.advise(&item.to_string()).wait(LIMIT).samples(1).unwrap();
            held.push((item, 1, link.recv_timeout(LIMIT).unwrap().value));
        }
        assert_eq!(topic.request(&item.to_string()).unwrap().value.check(), (item, 1));
    }
    for item in 0..ITEMS {
        studio.publish(item, 8);
    }
    held.iter().for_each(|(item, number, sample)| assert_eq!(sample.check(), (*item, *number)));
    for item in 0..ITEMS {
        assert_eq!(topic.request(&item.to_string()).unwrap().value.check().0, item);
    }
    drop((held, all));
    until("nothing is left of the links", || studio.status()[1] == 0);
}

/// A message with a rule: what is held is checked as what is copied is.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Flag {
    up: bool,
}

#[test]
fn small_messages_can_be_held_too() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<Flag>("topic").history(2).samples(2).open().unwrap();
    let item = topic.item("item").unwrap();
    service.ready().unwrap();
    let mut link = bus.connect::<Flag>("service/topic").open().unwrap().advise("item").samples(2).unwrap();
    item.publish(&Flag { up: true }).unwrap();
    let up = link.recv_timeout(Duration::from_secs(60)).unwrap().value;
    for _ in 0..100 {
        item.publish(&Flag { up: false }).unwrap();
    }
    assert_eq!((*up, format!("{up:?}")), (Flag { up: true }, "Sample(Flag { up: true })".to_owned()));
}
