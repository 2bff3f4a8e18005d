//! A merged link has the values of all members: of each in order, each exactly once or counted, whoever comes and goes.

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bus::{Bus, Conversations, Error, Hot, Merged, MergedLink, Service, Topic, Update};
use support::{LIMIT, Place, Process, Random, Test, roles, until};

roles!(member);

/// Publishes the numbers from 1 on to items as it is told, in one life of a service.
fn member(test: &mut Test) {
    let name = test.hear();
    let bus = test.bus();
    let service = bus.service(&name).unwrap();
    let topic = service.topic::<u64>("ticks").history(8).journal(32).open().unwrap();
    let mut items = BTreeMap::new();
    for item in ["a", "b"] {
        items.insert(item, (topic.item(item).unwrap(), 0));
    }
    service.ready().unwrap();
    test.say(service.instance());
    loop {
        let line = test.hear();
        match *line.split(' ').collect::<Vec<_>>() {
            ["publish", item, values] => {
                let (item, published) = items.get_mut(item).unwrap();
                for _ in 0..values.parse::<u64>().unwrap() {
                    *published += 1;
                    item.publish(published).unwrap();
                }
                test.say(*published);
            }
            // Until it is killed.
            ["run", item] => {
                let (item, published) = items.get_mut(item).unwrap();
                loop {
                    for _ in 0..20 {
                        *published += 1;
                        item.publish(published).unwrap();
                    }
                    test.say(*published);
                    std::thread::yield_now();
                }
            }
            ["close"] => break service.close(),
            _ => panic!("a member does not understand {line:?}"),
        }
    }
    test.say("closed");
}

fn start(place: &Place, name: &str) -> (Process, u64) {
    let mut process = place.start("member");
    process.say(name);
    let instance = process.hear_number();
    (process, instance)
}

#[track_caller]
fn publish(process: &mut Process, item: &str, values: u64) -> u64 {
    process.say(format!("publish {item} {values}"));
    process.hear_number()
}

/// What came of each item of each life.
#[derive(Debug, Default)]
struct Accounts(BTreeMap<(String, u64, String), Account>);

#[derive(Debug, Default)]
struct Account {
    /// The number up to which values were delivered, or counted as missed.
    accounted: u64,
    delivered: u64,
}

impl Accounts {
    #[track_caller]
    fn add(&mut self, Merged { member, update, .. }: &Merged<Update<u64>>, name: &str) {
        let Update { value, seq, missed, suppressed, epoch, .. } = *update;
        assert_eq!((value, epoch), (seq, member.instance));
        let account = self.0.entry((member.name.clone(), epoch, name.to_owned())).or_default();
        assert_eq!(account.accounted + missed + suppressed + 1, seq, "of {member:?}/{name}");
        account.accounted = seq;
        account.delivered += 1;
    }

    fn of(&self, name: &str, instance: u64, item: &str) -> u64 {
        self.0.get(&(name.to_owned(), instance, item.to_owned())).map_or(0, |account| account.accounted)
    }
}

/// Takes what there is; adds up the ends of members, by name.
fn drain(link: &mut MergedLink<Hot<u64>>, accounts: &mut Accounts, ends: &mut BTreeMap<String, u32>) {
    loop {
        match link.try_recv() {
            Ok(Some(merged)) => accounts.add(&merged, &link.name(merged.update.item)),
            Ok(None) => return,
            Err(Error::Stale { service, .. }) => *ends.entry(service).or_default() += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

fn ticks(bus: &Bus) -> Conversations<u64> {
    bus.connect_all("m-*", "ticks").unwrap()
}

#[test]
fn values_of_members_that_are_killed_and_return_are_counted_exactly() {
    let mut random = Random::seeded();
    let place = Place::new();
    let list = ticks(&place.bus());
    let mut link = list.advise("*").hot().unwrap();
    let (mut accounts, mut ends) = (Accounts::default(), BTreeMap::new());
    let mut processes: [Option<(Process, u64)>; 6] = Default::default();
    // By name, instance and item: how many were published.
    let mut published: BTreeMap<(String, u64, &str), u64> = BTreeMap::new();
    let mut kills: BTreeMap<String, u32> = BTreeMap::new();
    let mut gaps = 0;
    // A conversation that is handed out goes on with the next life, and is nothing to the link.
    let mut held = Vec::new();
    for _ in 0..300 {
        if random.below(5) == 0 {
            held = list.members();
        }
        let index = random.below(processes.len());
        let name = format!("m-{index}");
        match &mut processes[index] {
            vacant @ None => {
                let (mut process, instance) = start(&place, &name);
                let first = publish(&mut process, "a", 1);
                published.insert((name.clone(), instance, "a"), first);
                *vacant = Some((process, instance));
                until("the link has taken it in", || {
                    drain(&mut link, &mut accounts, &mut ends);
                    accounts.of(&name, instance, "a") > 0
                });
                gaps += u32::from(kills.contains_key(&name));
            }
            Some((process, instance)) => {
                if random.below(10) < 2 {
                    process.kill();
                    processes[index] = None;
                    *kills.entry(name).or_default() += 1;
                } else {
                    let item = ["a", "b"][random.below(2)];
                    let total = publish(process, item, 1 + random.below(40) as u64);
                    published.insert((name, *instance, item), total);
                }
            }
        }
        if random.below(3) == 0 {
            drain(&mut link, &mut accounts, &mut ends);
        }
    }
    let seen = |accounts: &Accounts| {
        published.iter().all(|((name, instance, item), &total)| accounts.of(name, *instance, item) == total)
    };
    until("all is accounted for", || {
        drain(&mut link, &mut accounts, &mut ends);
        seen(&accounts) && ends == kills
    });
    assert_eq!(accounts.0.len(), published.len(), "nothing else came");
    assert!(gaps > 0);
    let counts = link.counts();
    assert_eq!(counts.delivered, accounts.0.values().map(|account| account.delivered).sum::<u64>());
    let accounted: u64 = accounts.0.values().map(|account| account.accounted).sum();
    assert_eq!(counts.delivered + counts.missed + counts.suppressed, accounted);
    // What is left are the living.
    let living = processes.iter().flatten().count();
    assert!(held.len() <= processes.len());
    until("the dead are gone", || {
        drain(&mut link, &mut accounts, &mut ends);
        link.members().len() == living
    });
}

#[test]
fn a_reader_that_sleeps_has_all_that_members_published_before_they_were_killed() {
    let mut random = Random::seeded();
    let place = Place::new();
    let bus = place.bus();
    let list = ticks(&bus);
    let mut link = list.advise("a").strategy(bus::Wait::Park).hot().unwrap();
    let accounts = Arc::new(Mutex::new(Accounts::default()));
    let reader = {
        let accounts = accounts.clone();
        std::thread::spawn(move || {
            loop {
                match link.recv() {
                    Ok(merged) if merged.member.name == "m-end" => return,
                    Ok(merged) => accounts.lock().unwrap().add(&merged, "a"),
                    Err(Error::Stale { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        })
    };
    let seen = |name: &str, instance| accounts.lock().unwrap().of(name, instance, "a");
    let mut said = Vec::new();
    for _ in 0..15 {
        let mut running: Vec<_> = (0..4)
            .map(|index| {
                let name = format!("m-{index}");
                let (mut process, instance) = start(&place, &name);
                process.say("run a");
                (process, name, instance)
            })
            .collect();
        while !running.is_empty() {
            let (mut process, name, instance) = running.swap_remove(random.below(running.len()));
            until("the reader has taken it in", || seen(&name, instance) > 0);
            for _ in 0..random.below(20) {
                process.hear();
            }
            process.kill();
            let mut last: u64 = 0;
            while let Some(line) = process.hear_or_end() {
                // The last one may be cut short.
                last = last.max(line.parse().unwrap_or(0));
            }
            said.push((name, instance, last));
        }
    }
    for (name, instance, last) in said {
        until("what it published is accounted for", || seen(&name, instance) >= last);
    }
    let (mut end, _) = start(&place, "m-end");
    publish(&mut end, "a", 1);
    reader.join().unwrap();
}

#[test]
fn a_member_that_floods_starves_nobody() {
    let place = Place::new();
    let list = place.bus().connect_all::<u64>("f-*", "ticks").unwrap();
    let bus = place.bus();
    let mut services = Vec::new();
    for (name, values) in [("f-flood", 1000), ("f-slow", 3), ("f-other", 2)] {
        let service = bus.service(name).unwrap();
        let topic = service.topic::<u64>("ticks").history(1024).open().unwrap();
        let item = topic.item("a").unwrap();
        for value in 1..=values {
            item.publish(&value).unwrap();
        }
        service.ready().unwrap();
        services.push((service, topic));
    }
    list.wait_for(3, LIMIT).unwrap();
    let mut link = list.advise("a").prime(false).hot().unwrap();
    // Until all three are attached: they begin with what comes next.
    for (_, topic) in &services {
        let item = topic.item("a").unwrap();
        until("the link follows", || {
            item.publish(&0).unwrap();
            link.try_recv().unwrap().is_some()
        });
        while link.try_recv().unwrap().is_some() {}
    }
    let publish = |(_, topic): &(Service, Topic<u64>), values: u64| {
        let item = topic.item("a").unwrap();
        for value in 1..=values {
            item.publish(&value).unwrap();
        }
    };
    publish(&services[0], 1000);
    let mut order = Vec::new();
    let mut next = || {
        let merged = link.try_recv().unwrap()?;
        assert_eq!(merged.update.missed, 0);
        Some((merged.member.name.clone(), merged.update.value))
    };
    // It is this one's turn when the others have something too.
    order.extend(next());
    publish(&services[1], 3);
    publish(&services[2], 2);
    order.extend(core::iter::from_fn(next));
    assert_eq!(order.len(), 1005);
    for (name, values) in [("f-flood", 1000), ("f-slow", 3), ("f-other", 2)] {
        let of: Vec<_> = order.iter().filter(|(of, _)| of == name).map(|&(_, value)| value).collect();
        assert_eq!(of, (1..=values).collect::<Vec<_>>(), "in order");
        let last = order.iter().rposition(|(of, _)| of == name).unwrap();
        assert!(name == "f-flood" || last < 32 + 5, "{name} came last at {last}");
    }
}

#[test]
fn a_return_is_a_gap_and_an_item_id_is_of_its_name() {
    let place = Place::new();
    let list = ticks(&place.bus());
    let (mut a, first) = start(&place, "m-a");
    let (mut b, _) = start(&place, "m-b");
    publish(&mut a, "b", 3);
    list.wait_for(2, LIMIT).unwrap();
    let mut link = list.advise_items(["a", "b"]).hot().unwrap();
    let mut next = || match link.recv_timeout(LIMIT) {
        Ok(merged) => {
            let name = link.name(merged.update.item).to_string();
            let Update { seq, missed, gap, item, .. } = merged.update;
            Ok((merged.member, name, item, seq, missed, gap))
        }
        Err(Error::Stale { service, .. }) => Err(service),
        Err(error) => panic!("{error}"),
    };
    // The present value first, and nothing of what was before the link.
    let (member, name, b_id, seq, missed, gap) = next().unwrap();
    assert_eq!((member.instance, &*name, seq, missed, gap), (first, "b", 3, 0, false));
    publish(&mut b, "a", 1);
    let (member, name, a_id, ..) = next().unwrap();
    assert_eq!((&*member.name, &*name), ("m-b", "a"));
    publish(&mut b, "b", 1);
    assert_eq!(next().unwrap().2, b_id);
    publish(&mut a, "a", 1);
    assert_eq!(next().unwrap().2, a_id);
    assert_eq!(&*list.name(a_id), "a");
    for _ in 0..3 {
        a.kill();
        assert_eq!(next(), Err("m-a".to_owned()));
        let life = start(&place, "m-a");
        a = life.0;
        publish(&mut a, "a", 20);
        let (mut member, _, _, mut seq, mut accounted, gap) = next().unwrap();
        assert_eq!((member.instance, gap), (life.1, true));
        accounted += 1;
        while seq < 20 {
            let (of, _, _, number, missed, gap) = next().unwrap();
            assert!(!gap);
            (member, seq, accounted) = (of, number, accounted + missed + 1);
        }
        assert_eq!(
            (member.instance, accounted),
            (life.1, 20),
            "a life that is seen is counted from its first value"
        );
    }
    // One that appears for the first time has no gap, and is counted from its first value too.
    let (mut c, _) = start(&place, "m-c");
    publish(&mut c, "a", 1);
    let (member, _, _, seq, _, gap) = next().unwrap();
    assert_eq!((&*member.name, seq, gap), ("m-c", 1, false));
    c.say("close");
    c.await_line("closed");
    assert_eq!(next(), Err("m-c".to_owned()));
}
