//! What options let a link deliver, and that every value is accounted for whatever they are.
//!
//! Values are published while nobody reads, and read while nobody publishes, so that what a link has to deliver follows
//! from what was published: [`Model`] says it in a few lines, and links with random options are held to it, through random
//! changes of the options, pauses and bursts longer than the history. For each item the number of the last value
//! delivered is always `delivered + missed + suppressed`.

mod support;

use std::collections::BTreeMap;

use bus::{Deadband, DeliveryMode, Error, Hot, Link, Options};
use support::{Place, Random, Reading, Teller, readings, roles, teller};

roles!(teller);

const HISTORY: usize = 8;
const ITEMS: usize = 3;

/// Options that a link may have, as the model keeps them.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    /// How many values of an item it may be behind; 0 for `latest`.
    most: usize,
    /// Accepts what is not divisible by this.
    filter: Option<i32>,
    deadband: Option<Deadband>,
}

/// What was delivered: item, number, missed, suppressed.
type Delivered = (usize, u64, u64, u64);

/// What a link has to deliver, by the words of the documentation.
#[derive(Debug)]
struct Model {
    chosen: Chosen,
    /// All that was published, in order.
    published: Vec<(usize, f64)>,
    /// How much of it was looked at.
    looked_at: usize,
    items: [ItemModel; ITEMS],
}

#[derive(Debug, Default, Clone)]
struct ItemModel {
    levels: Vec<f64>,
    /// Values looked at or passed over.
    done: usize,
    last_delivered: Option<f64>,
    missed: u64,
    suppressed: u64,
}

impl Model {
    fn new(chosen: Chosen) -> Self {
        Model { chosen, published: Vec::new(), looked_at: 0, items: Default::default() }
    }

    fn publish(&mut self, levels: &[(usize, f64)]) {
        self.published.extend(levels);
        levels.iter().for_each(|&(item, level)| self.items[item].levels.push(level));
    }

    /// What is delivered by looking until there is no more.
    fn drain(&mut self) -> Vec<Delivered> {
        let mut delivered = Vec::new();
        let mut numbers = [0; ITEMS];
        for at in 0..self.published.len() {
            let item = self.published[at].0;
            numbers[item] += 1;
            if at >= self.looked_at {
                self.look(item, numbers[item], &mut delivered);
            }
        }
        self.looked_at = self.published.len();
        delivered
    }

    /// The look that the publishing of this value leads to.
    fn look(&mut self, item: usize, number: usize, delivered: &mut Vec<Delivered>) {
        let Chosen { most, filter, deadband } = self.chosen;
        let of = &mut self.items[item];
        // `latest` takes the newest for the first of them.
        let number = if most == 0 { of.levels.len() } else { number };
        let oldest = of.levels.len().saturating_sub(if most == 0 { 1 } else { most.min(HISTORY) }) + 1;
        if of.done < oldest - 1 {
            of.missed += (oldest - 1 - of.done) as u64;
            of.done = oldest - 1;
        }
        if number <= of.done {
            return;
        }
        of.done = number;
        let level = of.levels[number - 1];
        let refused = filter.is_some_and(|divisor| level as i32 % divisor == 0);
        let held = of.last_delivered.is_some_and(|last| match deadband {
            Some(Deadband::Absolute(width)) => (level - last).abs() <= width,
            Some(Deadband::Percent(percent)) => (level - last).abs() <= last.abs() * percent / 100.0,
            _ => false,
        });
        if refused || held {
            of.suppressed += 1;
            return;
        }
        of.last_delivered = Some(level);
        delivered.push((item, number as u64, of.missed, of.suppressed));
        (of.missed, of.suppressed) = (0, 0);
    }
}

/// All that the link delivers now.
#[track_caller]
fn drain(link: &mut Link<Hot<Reading>>) -> Vec<Delivered> {
    let mut delivered = Vec::new();
    while let Some(update) = link.try_recv().unwrap() {
        let item: usize = link.name(update.item).parse().unwrap();
        assert_eq!(update.value.number, update.seq);
        delivered.push((item, update.seq, update.missed, update.suppressed));
    }
    delivered
}

fn random_mode(random: &mut Random) -> usize {
    [0, HISTORY, 1 + random.below(HISTORY)][random.below(3)]
}

fn random_filter(random: &mut Random) -> Option<i32> {
    [None, Some(2), Some(3)][random.below(3)]
}

fn random_deadband(random: &mut Random) -> Option<Deadband> {
    let width = random.below(4) as f64;
    [None, Some(Deadband::Absolute(width)), Some(Deadband::Percent(width * 5.0))][random.below(3)]
}

fn mode(most: usize, options: Options<Reading>) -> Options<Reading> {
    match most {
        0 => options.latest(),
        HISTORY => options.queue_all(),
        most => options.queue(most),
    }
}

fn filter(divisor: Option<i32>, options: Options<Reading>) -> Options<Reading> {
    match divisor {
        None => options.without_filter(),
        Some(divisor) => options.filter(move |reading: &Reading| reading.count % divisor != 0),
    }
}

fn deadband(deadband: Option<Deadband>, options: Options<Reading>) -> Options<Reading> {
    match deadband {
        None => options.without_deadband(),
        Some(deadband) => options.deadband_of(Reading::LEVEL, deadband),
    }
}

/// Changes some options of the link, and of the model.
fn change(random: &mut Random, link: &mut Link<Hot<Reading>>, model: &mut Model) {
    let mut options = Options::new();
    if random.below(2) == 0 {
        model.chosen.most = random_mode(random);
        options = mode(model.chosen.most, options);
    }
    if random.below(2) == 0 {
        model.chosen.filter = random_filter(random);
        options = filter(model.chosen.filter, options);
    }
    if random.below(2) == 0 {
        model.chosen.deadband = random_deadband(random);
        options = deadband(model.chosen.deadband, options);
        // What the new one is on, was not looked at before.
        model.items.iter_mut().for_each(|item| item.last_delivered = None);
    }
    let granted = link.update(options).unwrap();
    assert_eq!(granted, link.granted());
    assert_eq!(
        (granted.history, granted.filter, granted.deadband),
        (HISTORY, model.chosen.filter.is_some(), model.chosen.deadband)
    );
    let mode = match model.chosen.most {
        0 => DeliveryMode::Latest,
        values => DeliveryMode::Queue { values },
    };
    assert_eq!(granted.delivery, mode);
}

#[test]
fn random_options_deliver_what_the_model_says() {
    let mut random = Random::seeded();
    for items in [1, ITEMS] {
        let place = Place::new();
        let mut teller = Teller::start(&place, HISTORY, 1024, items);
        let topic = readings(&place.bus());
        // There is nothing to begin with, and what comes is in the order of publishing.
        let advise = || topic.advise(if items == 1 { "0" } else { "*" }).prime(false);
        let mut links: Vec<_> = (0..12)
            .map(|_| {
                let chosen = Chosen {
                    most: random_mode(&mut random),
                    filter: random_filter(&mut random),
                    deadband: random_deadband(&mut random),
                };
                let options =
                    mode(chosen.most, filter(chosen.filter, deadband(chosen.deadband, Options::new())));
                let mut link = advise().hot().unwrap();
                link.update(options).unwrap();
                (link, Model::new(chosen), BTreeMap::<usize, u64>::new())
            })
            .collect();
        let mut level = 10.0;
        for _ in 0..60 {
            let burst: Vec<_> = (0..random.below(4 * HISTORY))
                .map(|_| {
                    level += random.below(7) as f64 - 3.0;
                    (random.below(items), level)
                })
                .collect();
            teller.publish(&burst);
            for (link, model, accounts) in &mut links {
                model.publish(&burst);
                match random.below(5) {
                    0 => change(&mut random, link, model),
                    1 => {
                        link.pause();
                        assert_eq!(drain(link), []);
                        if random.below(2) == 0 {
                            continue;
                        }
                    }
                    _ => {}
                }
                link.resume();
                let delivered = drain(link);
                assert_eq!(delivered, model.drain(), "{:?}", model.chosen);
                for (item, seq, missed, suppressed) in delivered {
                    let last = accounts.entry(item).or_default();
                    assert_eq!(seq, *last + missed + suppressed + 1);
                    *last = seq;
                }
            }
        }
    }
}

#[test]
fn a_drift_of_small_steps_is_told_of() {
    let place = Place::new();
    let mut teller = Teller::start(&place, 128, 1024, 1);
    let topic = readings(&place.bus());
    let mut link = topic.advise("0").deadband_of(Reading::LEVEL, Deadband::Absolute(1.0)).hot().unwrap();
    teller.tell((0..100).map(|step| f64::from(step) * 0.1));
    let levels: Vec<f64> = drain(&mut link).iter().map(|&(_, seq, ..)| (seq - 1) as f64).collect();
    assert!(levels.len() > 8 && levels.windows(2).all(|pair| (10.0..=12.0).contains(&(pair[1] - pair[0]))));
}

#[test]
fn a_deadband_is_on_any_number_and_on_the_message_itself() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("numbers").unwrap();
    let topic = service.topic::<i32>("topic").open().unwrap();
    service.ready().unwrap();
    let numbers = bus.connect::<i32>("numbers/topic").open().unwrap();
    let item = topic.item("item").unwrap();
    let mut link = numbers.advise("item").deadband(Deadband::Percent(10.0)).hot().unwrap();
    for number in [100, 110, 111, 112, 100, 99, -99] {
        item.publish(&number).unwrap();
    }
    let mut delivered = Vec::new();
    while let Some(update) = link.try_recv().unwrap() {
        delivered.push((update.value, update.suppressed));
    }
    assert_eq!(delivered, [(100, 0), (111, 1), (99, 2), (-99, 0)]);

    let mut teller = Teller::start(&place, HISTORY, 64, 1);
    let mut link =
        readings(&bus).advise("0").deadband_of(Reading::COUNT, Deadband::Absolute(0.0)).hot().unwrap();
    teller.tell([1.0, 1.5, 1.9, 2.0, 2.5]);
    assert_eq!(drain(&mut link), [(0, 1, 0, 0), (0, 4, 0, 2)]);
}

#[test]
fn what_cannot_be_served_is_an_error_that_says_what_can() {
    let place = Place::new();
    let _teller = Teller::start(&place, HISTORY, 64, 1);
    let topic = readings(&place.bus());
    let told = |error: Error, parts: &[&str]| {
        assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
        let error = error.to_string();
        parts.iter().for_each(|part| assert!(error.contains(part), "{part:?} is missing in {error:?}"));
    };
    let mut link = topic.advise("0").queue(HISTORY).hot().unwrap();
    let before = link.granted();
    assert_eq!(before.delivery, DeliveryMode::Queue { values: HISTORY });
    for values in [0, HISTORY + 1, usize::MAX] {
        let found = format!("queue is {values}, expected");
        told(topic.advise("0").queue(values).hot().unwrap_err(), &[&found]);
        told(link.update(Options::new().queue(values)).unwrap_err(), &[&found]);
    }
    told(topic.advise("0").queue(9).hot().unwrap_err(), &["1 to 8, the topic's history"]);
    let width = || Deadband::Percent(-0.5);
    told(
        topic.advise("0").deadband_of(Reading::LEVEL, width()).hot().unwrap_err(),
        &["Percent(-0.5)", "at least 0"],
    );
    told(link.update(Options::new().deadband_of(Reading::LEVEL, width())).unwrap_err(), &["deadband"]);
    told(topic.advise("0").filter(|_| true).warm().unwrap_err(), &["filter", "warm"]);
    told(topic.advise("0").queue(2).warm().unwrap_err(), &["queue", "warm"]);
    told(
        topic.advise("0").deadband_of(Reading::COUNT, Deadband::Absolute(1.0)).warm().unwrap_err(),
        &["deadband"],
    );
    assert_eq!(link.granted(), before, "what was refused has changed nothing");
    assert_eq!(link.try_recv().unwrap(), None);
}

#[test]
fn a_filter_that_panics_costs_one_value_and_no_account() {
    let place = Place::new();
    let mut teller = Teller::start(&place, HISTORY, 64, 1);
    let topic = readings(&place.bus());
    let filter = |reading: &Reading| {
        assert!(reading.count != 3, "a filter's own fault");
        reading.count != 4
    };
    let mut link = topic.advise("0").filter(filter).hot().unwrap();
    teller.tell([1.0, 2.0, 3.0, 4.0, 5.0]);
    let (mut delivered, mut panics) = (Vec::new(), 0);
    loop {
        // Quietly: the panic is expected.
        let look = std::panic::AssertUnwindSafe(|| link.try_recv().unwrap());
        match std::panic::catch_unwind(look) {
            Err(_) => panics += 1,
            Ok(None) => break,
            Ok(Some(update)) => delivered.push((update.seq, update.missed, update.suppressed)),
        }
    }
    assert_eq!((panics, &delivered[..]), (1, &[(1, 0, 0), (2, 0, 0), (5, 0, 2)][..]));
}

#[test]
fn a_lossless_link_has_filter_and_deadband_but_no_interval_and_hurries() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("ledger").unwrap();
    let topic = service.topic::<i32>("topic").history(4).lossless(support::LIMIT).open().unwrap();
    service.ready().unwrap();
    let item = topic.item("item").unwrap();
    let entries = bus.connect::<i32>("ledger/topic").open().unwrap();
    let advise = || entries.advise("item").lossless(support::LIMIT);
    for advise in [advise().latest(), advise().queue(2), advise().interval(support::LIMIT)] {
        let error = advise.hot().unwrap_err().to_string();
        assert!(error.contains("set on a lossless link"), "{error}");
    }
    let mut link = advise().filter(|number| number % 10 == 0).hot().unwrap();
    assert_eq!(link.granted().delivery, DeliveryMode::Lossless);
    assert!(link.update(Options::new().latest()).is_err());
    for number in 1..=100 {
        // There is room only if the link reads what its filter refuses too.
        item.publish(&number).unwrap();
        let update = link.try_recv().unwrap();
        assert_eq!(
            update.map(|update| (update.value, update.missed, update.suppressed)),
            (number % 10 == 0).then_some((number, 0, 9))
        );
    }
}
