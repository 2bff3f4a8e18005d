//! Options on links that are waited for by descriptor, and on links that deliver samples.

mod support;

use std::time::Duration;

use bus::{Deadband, Error, Mark, Options, WaitSet};
use smol::stream::StreamExt;
use support::{LIMIT, Place, Reading, Teller, proc, readings, roles, teller, until};

roles!(teller);

const DAY: Duration = Duration::from_secs(24 * 3600);
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn a_wait_set_is_told_of_a_link_when_its_interval_is_over() {
    let place = Place::new();
    let mut teller = Teller::start(&place, 8, 64, 1);
    let topic = readings(&place.bus());
    teller.tell([1.0]);
    let mut resting = topic.advise("0").interval(DAY).hot().unwrap();
    let mut brisk = topic.advise("0").interval(MOMENT).hot().unwrap();
    let mut paused = topic.advise("0").hot().unwrap();
    assert_eq!(resting.recv().unwrap().seq, 1);
    assert_eq!(brisk.recv().unwrap().seq, 1);
    paused.pause();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut resting, "resting").unwrap();
    set.add(&mut brisk, "brisk").unwrap();
    set.add(&mut paused, "paused").unwrap();
    let mut last = 1;
    for number in 2..=30 {
        teller.tell([number as f64]);
        while last < number {
            for key in set.wait_timeout(LIMIT).unwrap() {
                assert_eq!(key, "brisk", "nothing can be had of the others");
            }
            if let Some(update) = brisk.try_recv().unwrap() {
                assert_eq!(update.seq, last + update.suppressed + 1);
                last = update.seq;
            }
        }
    }
    paused.resume();
    resting.update(Options::new().interval(Duration::ZERO)).unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        for key in set.wait_timeout(LIMIT).unwrap() {
            let some = match key {
                "resting" => resting.try_recv().unwrap().is_some(),
                "paused" => paused.try_recv().unwrap().is_some(),
                _ => false,
            };
            if some && !told.contains(&key) {
                told.push(key);
            }
        }
    }
}

#[test]
fn a_thread_that_waits_is_told_when_a_link_goes_on() {
    let place = Place::new();
    let mut teller = Teller::start(&place, 8, 64, 1);
    let topic = readings(&place.bus());
    let mut link = topic.advise("0").hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut link, "link").unwrap();
    link.pause();
    teller.tell([1.0]);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            tell.send(proc::thread()).unwrap();
            set.wait_timeout(LIMIT).unwrap()
        });
        let thread = told.recv().unwrap();
        until("it sleeps", || proc::sleeps_in_poll(std::process::id(), thread));
        link.resume();
        assert_eq!(waiting.join().unwrap(), ["link"]);
    });
    assert_eq!(link.try_recv().unwrap().unwrap().seq, 1);
}

#[test]
fn a_stream_ends_with_its_link_and_a_paused_one_says_so() {
    let place = Place::new();
    let mut teller = Teller::start(&place, 8, 64, 1);
    let topic = readings(&place.bus());
    teller.tell([1.0]);
    smol::block_on(async {
        let once = topic.advise("0").once().hot_async().await.unwrap();
        assert_eq!(once.map(|update| update.unwrap().seq).collect::<Vec<_>>().await, [1]);

        let mut paused = topic.advise("0").hot_async().await.unwrap();
        paused.pause();
        let polled = smol::future::poll_once(paused.recv_async()).await;
        assert!(matches!(polled, Some(Err(Error::Paused { .. }))), "it does not hang");
        // With the extensions of streams in scope, by any name.
        let polled = smol::future::poll_once(paused.next()).await;
        assert!(matches!(polled, Some(Some(Err(Error::Paused { .. })))), "it does not hang");
        assert!(matches!((&mut paused).into_iter().next(), Some(Err(Error::Paused { .. }))));
        paused.resume();
        assert_eq!(paused.next().await.unwrap().unwrap().seq, 1);

        let mut throttled = topic.advise("0").interval(MOMENT).hot_async().await.unwrap();
        assert_eq!(throttled.recv_async().await.unwrap().seq, 1);
        for number in 2..=30 {
            teller.tell([1.0]);
            assert_eq!(
                throttled.recv_async().await.unwrap().seq,
                number,
                "the task is woken when it is time"
            );
        }
    });
}

#[test]
fn samples_pass_filters_and_intervals_and_carry_marks() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("camera").unwrap();
    let frames = service.topic::<[u32]>("frames").history(4).samples(4).open().unwrap();
    service.ready().unwrap();
    let front = frames.item("front").unwrap();
    let camera = bus.connect::<[u32]>("camera/frames").open().unwrap();
    let mut large = camera.advise("front").filter(|frame: &[u32]| frame.len() > 2).samples(1).unwrap();
    let mut paced = camera.advise("front").interval(DAY).data_on_stop(true).samples(1).unwrap();
    for number in 1..=4 {
        front.marked(Mark::uncertain(number as u16)).publish(&vec![number; number as usize]).unwrap();
        if number == 1 {
            assert_eq!(paced.recv().unwrap().value.len(), 1);
        }
    }
    let update = large.recv().unwrap();
    assert_eq!((&*update.value, update.suppressed, update.mark), (&[3, 3, 3][..], 2, Mark::uncertain(3)));
    assert!(matches!(large.try_recv(), Err(Error::HoldsAll { .. })));
    drop(update);
    assert_eq!(large.recv().unwrap().value.len(), 4);
    assert!(paced.try_recv().unwrap().is_none());
    paced.stop();
    let last: Vec<_> = paced.into_iter().map(|update| update.unwrap()).collect();
    assert_eq!(last.len(), 1);
    assert_eq!((last[0].value.len(), last[0].missed + last[0].suppressed), (4, 2));
}

#[test]
fn a_round_ends_where_no_more_can_be_held() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("camera").unwrap();
    let frames = service.topic::<u64>("frames").history(8).samples(4).open().unwrap();
    service.ready().unwrap();
    let front = frames.item("front").unwrap();
    let camera = bus.connect::<u64>("camera/frames").open().unwrap();
    let mut link = camera.advise("front").interval(DAY).filter(|_| true).prime(false).samples(1).unwrap();
    [1, 2, 3].into_iter().for_each(|number| assert_eq!(front.publish(&number).unwrap(), number));
    assert_eq!(*link.recv().unwrap().value, 1, "a second one could not be looked at while this one is held");
    assert!(link.try_recv().unwrap().is_none(), "that is no error, and the interval has begun");
    link.update(Options::new().interval(Duration::ZERO)).unwrap();
    for number in [2, 3] {
        assert_eq!(*link.recv().unwrap().value, number);
    }
}

#[test]
fn a_deadband_of_samples_is_on_a_field() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("meter").unwrap();
    let topic = service.topic::<Reading>("readings").samples(4).open().unwrap();
    service.ready().unwrap();
    let item = topic.item("0").unwrap();
    let mut link =
        readings(&bus).advise("0").deadband_of(Reading::LEVEL, Deadband::Absolute(1.0)).samples(2).unwrap();
    for (number, level) in (1..).zip([1.0, 1.5, 2.5, 3.0]) {
        item.publish(&Reading { number, level, count: 0, rest: [0; 9] }).unwrap();
    }
    let delivered: Vec<_> = core::iter::from_fn(|| link.try_recv().unwrap())
        .map(|update| (update.value.number, update.suppressed))
        .collect();
    assert_eq!(delivered, [(1, 0), (3, 1)]);
}
