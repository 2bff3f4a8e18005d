//! Everything in one process, in as many threads: small enough for a run under the thread sanitizer (`.ci/tsan`), and a test of
//! its own without it.
//!
//! The sanitizer sees the accesses that it instruments, and orderings that atomics make; it knows nothing of fences. For its
//! run the library is built with `--cfg tsan`: relaxed loads then acquire, which is what the fences after them do, copies are
//! made without assembly, and a publisher and its readers in one process have one mapping of each memory, since the sanitizer
//! tells memory by its address. So it looks for plain accesses that race: those of loans, samples, and of all that is
//! private to one side. That each fence is needed and enough is what the loom models are for.

mod support;

use bus::{Reply, Sample, WaitSet};
use support::desk::{Add, Keep, Sum};
use support::{Checked, LIMIT, Place};

const VALUES: u64 = 600;

#[test]
fn values_are_lent_held_copied_and_waited_for_by_threads_of_one_process() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let lent = service.topic::<Checked>("lent").history(4).samples(24).lossless(LIMIT).open().unwrap();
    let plain = service.topic::<Checked>("plain").history(4).lossless(LIMIT).open().unwrap();
    lent.item("item").unwrap();
    plain.item("item").unwrap();
    service.ready().unwrap();
    let held = bus.connect::<Checked>("service/lent").open().unwrap();
    let copied = bus.connect::<Checked>("service/plain").open().unwrap();
    let [mut first, mut second] = [(); 2].map(|()| held.advise("item").lossless(LIMIT).samples(4).unwrap());
    let mut passing = held.advise("item").samples(4).unwrap();
    let mut lossless = copied.advise("item").lossless(LIMIT).hot().unwrap();
    let mut newest = copied.advise("*").latest().hot().unwrap();
    let mut waited = copied.advise("item").hot().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let item = lent.item("item").unwrap();
            for number in 1..=VALUES {
                let draft = if number % 2 == 0 {
                    item.loan().unwrap().write(&Checked::new(1, number))
                } else {
                    let mut draft = item.loan().unwrap().in_place();
                    *draft.get_mut() = Checked::new(1, number);
                    draft
                };
                assert_eq!(draft.publish().unwrap(), number);
            }
        });
        scope.spawn(move || {
            for number in 1..=VALUES {
                plain.item("item").unwrap().publish(&Checked::new(2, number)).unwrap();
            }
        });
        for link in [&mut first, &mut second] {
            scope.spawn(move || {
                let mut held: Vec<(u64, Sample<Checked>)> = Vec::new();
                for number in 1..=VALUES {
                    let update = link.recv_timeout(LIMIT).unwrap();
                    assert_eq!((update.seq, update.missed), (number, 0));
                    held.push((number, update.value));
                    if held.len() == 4 {
                        // Let go elsewhere, with a clone that lives a little longer.
                        let (number, sample) = held.remove(number as usize % 3);
                        let clone = sample.clone();
                        std::thread::scope(|scope| {
                            scope.spawn(move || assert_eq!(sample.check(), (1, number)));
                            assert_eq!(clone.check(), (1, number));
                        });
                    }
                }
            });
        }
        scope.spawn(|| while passing.recv_timeout(LIMIT).unwrap().value.check() != (1, VALUES) {});
        scope.spawn(|| {
            for number in 1..=VALUES {
                assert_eq!(lossless.recv_timeout(LIMIT).unwrap().value.check(), (2, number));
            }
        });
        scope.spawn(|| while newest.recv_timeout(LIMIT).unwrap().value.check() != (2, VALUES) {});
        scope.spawn(|| {
            let mut set = WaitSet::new().unwrap();
            set.add(&mut waited, ()).unwrap();
            let mut last = 0;
            while last < VALUES {
                assert!(!set.wait_timeout(LIMIT).unwrap().is_empty(), "nothing came");
                while let Some(update) = waited.try_recv().unwrap() {
                    assert_eq!(update.value.check(), (2, last + update.missed + 1));
                    last = update.seq;
                }
            }
        });
        scope.spawn(|| {
            let mut item = copied.item("item").unwrap();
            for _ in 0..VALUES {
                if let Ok(update) = item.request() {
                    assert_eq!(update.value.check(), (2, update.seq));
                }
            }
        });
    });
}

#[test]
fn transactions_are_begun_answered_abandoned_and_waited_for_by_threads_of_one_process() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<Checked>("topic").open().unwrap();
    topic.item("item").unwrap().publish(&Checked::new(0, 0)).unwrap();
    let (later, answerer) = std::sync::mpsc::channel::<(u64, Reply<u64>)>();
    let serving = service.serve(0, move |handlers| {
        handlers.accept_pokes(topic)?;
        handlers.compute("topic", |count: &mut u64, _| Ok(*count))?;
        handlers.execute(|count, add: &Add, _| {
            *count += 1;
            Ok(Sum(add.0 + add.1))
        })?;
        handlers.execute_later(move |_, keep: &Keep, _, reply| later.send((keep.0, reply)).unwrap())?;
        Ok(())
    });
    let serving = serving.unwrap();
    service.ready().unwrap();
    let conversation = bus.connect::<Checked>("service/topic").open().unwrap().with_timeout(LIMIT);
    std::thread::scope(|scope| {
        scope.spawn(move || answerer.into_iter().for_each(|(number, reply)| reply.send(Ok(number))));
        let asking: Vec<_> = (0..3)
            .map(|thread| {
                let conversation = conversation.clone();
                scope.spawn(move || {
                    for number in 0..VALUES {
                        let kept = conversation.begin_execute(&Keep(number)).unwrap();
                        assert_eq!(conversation.execute(&Add(number, thread)).unwrap(), Sum(number + thread));
                        conversation.poke("item", &Checked::new(thread, number)).unwrap();
                        assert!(conversation.request_as::<u64>("item").unwrap() > 0);
                        match number % 3 {
                            0 => assert_eq!(kept.wait().unwrap(), number),
                            1 => drop(kept),
                            _ => {
                                let (mut kept, mut set) = (kept, WaitSet::new().unwrap());
                                set.add(&mut kept, ()).unwrap();
                                assert!(!set.wait_timeout(LIMIT).unwrap().is_empty(), "nothing came");
                                assert_eq!(kept.try_wait().unwrap(), Some(number));
                            }
                        }
                    }
                })
            })
            .collect();
        for paused in service.conversations() {
            while asking.iter().any(|thread| !thread.is_finished()) {
                paused.pause();
                paused.step();
                paused.resume();
                std::thread::yield_now();
            }
        }
        // Which ends the handlers, and with them who answers.
        assert_eq!(serving.stop().unwrap(), 3 * VALUES);
    });
}
