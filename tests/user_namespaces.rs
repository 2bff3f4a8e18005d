//! In a user namespace the kernel says of all users without a number there the same one. On a shared bus that number is nobody's:
//! no list lets its bearers in, and nobody is taken for the service's own user, or for one whom a client trusts, by it.

mod support;

use std::fs;

use bus::{Access, Error, Verbs, Who};
use support::users::{self, SECOND, SharedPlace};
use support::{LIMIT, Process, Test, roles};

roles!(contained, other_user);

/// The number of those without one.
fn overflow(file: &str) -> u32 {
    fs::read_to_string(format!("/proc/sys/kernel/{file}")).unwrap().trim().parse().unwrap()
}

/// In a namespace: has a service with lists, and connects where it is told.
fn contained(test: &mut Test) {
    let (user, group) = (overflow("overflowuid"), overflow("overflowgid"));
    assert_eq!(fs::read_to_string("/proc/self/uid_map").unwrap().split_whitespace().last(), Some("1"));
    let bus = users::builder(test.directory()).shared(0o1777).trust(user).open("shared").unwrap();
    let service = bus.service("service").unwrap();
    let topic = |name: &str, who| {
        let access = Access::same_user().allow(who, Verbs::READ);
        let topic = service.topic::<u64>(name).access(access).open().unwrap();
        topic.item("item").unwrap().publish(&7).unwrap();
        topic
    };
    let _topics =
        [topic("user", Who::Uid(user)), topic("group", Who::Gid(group)), topic("anyone", Who::Anyone)];
    let events = service.conversation_events();
    service.ready().unwrap();
    test.say("ready");
    loop {
        match test.hear().as_str() {
            "who" => {
                let Some(bus::ConversationEvent::Opened(client)) = events.try_recv().unwrap() else {
                    panic!()
                };
                test.say(client.uid == u32::MAX);
            }
            name => test.say(read(&bus, name)),
        }
    }
}

fn other_user(test: &mut Test) {
    users::obey(test);
    let bus = users::open(test, &[]).unwrap();
    let service = bus.service("others").unwrap();
    let access = Access::same_user().allow(Who::Anyone, Verbs::READ);
    let topic = service.topic::<u64>("topic").access(access).open().unwrap();
    topic.item("item").unwrap().publish(&9).unwrap();
    service.ready().unwrap();
    while let address = test.hear()
        && address != "end"
    {
        test.say(read(&bus, &address));
    }
}

fn read(bus: &bus::Bus, address: &str) -> String {
    let topic = bus.connect::<u64>(address).timeout(LIMIT).open();
    match topic.and_then(|topic| topic.request("item")) {
        Ok(update) => update.value.to_string(),
        Err(Error::Denied { reason, .. }) => format!("denied: {reason}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_number_of_those_without_one_is_nobodys() {
    if !users::can_become_others("the_number_of_those_without_one_is_nobodys") {
        return;
    }
    let place = SharedPlace::new(0o1777);
    let mut contained = Process::start_in_user_namespace("contained", place.root());
    contained.await_line("ready");
    let mut other = place.start("other_user", SECOND, &[]);
    for topic in ["user", "group"] {
        let said = other.ask(format!("service/{topic}"));
        assert!(said.starts_with("denied: it has no number in the user namespace"), "{said}");
    }
    assert_eq!(other.ask("service/anyone"), "7");
    assert_eq!(contained.ask("who"), "true");
    let said = contained.ask("others/topic");
    assert!(said.contains("which here is anybody who has no number"), "{said}");
    // The namespace has a number for root, who is the same user in and out of it.
    assert_eq!(read(&place.bus(0o1777), "service/user"), "7");
    drop(contained);
    other.say("end");
    other.finish();
    place.bus(0o1777).services().unwrap();
}
