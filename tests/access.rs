//! Another user may do exactly what he was granted: of each service, each topic and each verb.
//!
//! The service is this process, root's. Two processes become a second user and a third, in a group besides his own, and try
//! everything in turn. A denial is an error of its own kind, the same whether it is said of the connect, of a link, of the first
//! transaction or of another, and names what the service's owner would have to grant, in words that can be pasted.

mod support;

use std::sync::mpsc;

use bus::{Access, Error, FixedStr, Message, Service, Stopper, Topic, Verbs, Who};
use support::users::{self, SECOND, SharedPlace, THIRD};
use support::{LIMIT, Process, Test, roles};

roles!(other_user);

/// A group that the third user is in.
const GROUP: u32 = 7777;
/// One that nobody here is in.
const STRANGERS: u32 = 7778;

#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Double(u64);

/// What was denied, or `done`.
fn outcome<R>(result: Result<R, Error>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(Error::Denied { needed, uid, reason, .. }) => {
            assert_eq!(uid, rustix::process::geteuid().as_raw());
            assert!(reason.contains(&format!(".allow(Who::Uid({uid}), Verbs::{needed})")), "{reason}");
            format!("{needed}")
        }
        Err(other) => format!("{other}"),
    }
}

/// Does what it is told with the service that it is told, and says what became of it.
fn other_user(test: &mut Test) {
    users::obey(test);
    let bus = users::open(test, &[]).unwrap();
    loop {
        let line = test.hear();
        let (what, address) = line.split_once(' ').unwrap();
        let service = address.split('/').next().unwrap();
        let connect = || bus.connect::<u64>(address).timeout(LIMIT).open();
        let said = match what {
            "all" => match connect() {
                Err(error) => outcome(Err::<(), _>(error)),
                Ok(topic) => [
                    // By one lane: what is denied later is denied of each request, and not of the lane.
                    outcome(topic.execute(&Double(21))),
                    outcome(topic.poke("item", &5)),
                    outcome(topic.request_as::<FixedStr<16>>("item")),
                    outcome(topic.item("item").and_then(|mut item| item.request())),
                    outcome(topic.advise("item").hot()),
                    outcome(topic.advise("*").warm()),
                    outcome(topic.advise("item").lossless(LIMIT).hot()),
                    outcome(topic.advise("item").samples(1)),
                    outcome(connect().and_then(|fresh| fresh.poke("item", &6))),
                ]
                .join(" "),
            },
            "client" => outcome(bus.client(service).timeout(LIMIT).open()),
            "execute" => outcome(
                bus.client(service).timeout(LIMIT).open().and_then(|client| client.execute(&Double(1))),
            ),
            "system" => outcome(bus.system(service).timeout(LIMIT).open().and_then(|system| system.topics())),
            "spy" => outcome(bus.spy(service).timeout(LIMIT).open()),
            "read" => outcome(connect().and_then(|topic| topic.request("item"))),
            "topics" => match bus.topics(service) {
                Ok(topics) => topics.iter().map(|topic| topic.topic.as_str()).collect::<Vec<_>>().join(" "),
                Err(error) => outcome(Err::<(), _>(error)),
            },
            "services" => {
                bus.services().unwrap().into_iter().map(|service| service.name).collect::<Vec<_>>().join(" ")
            }
            other => panic!("{other}"),
        };
        test.say(said);
    }
}

/// What `all` says of somebody with these verbs.
fn expected(granted: Verbs) -> String {
    if granted.is_empty() {
        return "CONNECT".to_owned();
    }
    let of = |verb: Verbs| if granted.contains(verb) { "done".to_owned() } else { verb.to_string() };
    let tracked = match (granted.contains(Verbs::READ), granted.contains(Verbs::TRACK)) {
        (false, _) => Verbs::READ.to_string(),
        (true, false) => Verbs::TRACK.to_string(),
        (true, true) => "done".to_owned(),
    };
    let reads = of(Verbs::READ);
    let (executes, pokes, computes) = (of(Verbs::EXECUTE), of(Verbs::POKE), of(Verbs::COMPUTE));
    [&executes, &pokes, &computes, &reads, &reads, &reads, &tracked, &tracked, &pokes]
        .map(String::as_str)
        .join(" ")
}

/// A topic with an item that has a value, and can do all there is.
fn topic(service: &Service, name: &str, access: Option<Access>) -> Topic<u64> {
    let builder = service.topic::<u64>(name).lossless(LIMIT).samples(4);
    let topic = match access {
        Some(access) => builder.access(access).open(),
        None => builder.open(),
    };
    let topic = topic.unwrap();
    topic.item("item").unwrap().publish(&1).unwrap();
    topic
}

/// Ends the handlers' run, also where an assertion fails.
struct Stop(Stopper);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Runs handlers for all that can be asked of these topics, as long as `during` lasts.
fn while_it_answers(service: &Service, topics: &[&str], during: impl FnOnce()) {
    std::thread::scope(|scope| {
        let (send, stopper) = mpsc::channel();
        scope.spawn(move || {
            let mut handlers = service.handlers::<()>().unwrap();
            for topic in topics {
                handlers.poke(topic, |_, _: &u64, _| Ok(())).unwrap();
                handlers.compute(topic, |_, _| Ok(FixedStr::<16>::truncated("computed"))).unwrap();
            }
            handlers.execute(|_, double: &Double, _| Ok(double.0 * 2)).unwrap();
            send.send(handlers.stopper()).unwrap();
            handlers.run(&mut ()).unwrap();
        });
        let _stop = Stop(stopper.recv().unwrap());
        during();
    });
}

fn others(place: &SharedPlace) -> (Process, Process) {
    (place.start("other_user", SECOND, &[]), place.start("other_user", THIRD, &[GROUP]))
}

#[test]
fn everybody_may_do_exactly_what_was_granted() {
    if !users::can_become_others("everybody_may_do_exactly_what_was_granted") {
        return;
    }
    let place = SharedPlace::new(0o755);
    let (mut second, mut third) = others(&place);
    let bus = place.bus(0o755);
    let whom = [
        // Who, and whether that is the second user, and the third.
        (Who::Anyone, true, true),
        (Who::Uid(SECOND), true, false),
        (Who::Gid(SECOND), true, false),
        (Who::Gid(GROUP), false, true),
        (Who::Gid(STRANGERS), false, false),
        (Who::Pid(second.pid()), true, false),
        (Who::Uid(0), false, false),
    ];
    let verbs = [Verbs::READ, Verbs::TRACK, Verbs::POKE, Verbs::COMPUTE, Verbs::EXECUTE];
    for (who, is_second, is_third) in whom {
        let service = bus.service("service").unwrap();
        let names = verbs.map(|verb| verb.to_string().to_lowercase());
        // Commands are the service's, all else is the topic's.
        service.set_access(Access::nobody().allow(who, Verbs::EXECUTE)).unwrap();
        let _topics: Vec<_> = verbs
            .iter()
            .zip(&names)
            .map(|(verb, name)| topic(&service, name, Some(Access::nobody().allow(who, *verb))))
            .collect();
        service.ready().unwrap();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        while_it_answers(&service, &names, || {
            for (verb, name) in verbs.iter().zip(&names) {
                for (process, is_one) in [(&mut second, is_second), (&mut third, is_third)] {
                    let reads = if *verb == Verbs::TRACK { Verbs::READ } else { Verbs::NONE };
                    let granted = if is_one { *verb | reads | Verbs::EXECUTE } else { Verbs::NONE };
                    let said = process.ask(format!("all service/{name}"));
                    assert_eq!(said, expected(granted), "{who:?} was granted {verb}");
                }
            }
        });
    }
    second.finish();
    third.finish();
}

#[test]
fn a_topic_without_a_list_has_the_services_and_one_with_a_list_has_its_own() {
    if !users::can_become_others("a_topic_without_a_list_has_the_services_and_one_with_a_list_has_its_own") {
        return;
    }
    let place = SharedPlace::new(0o755);
    let (mut second, mut third) = others(&place);
    let service = place.bus(0o755).service("service").unwrap();
    service.set_access(Access::same_user().allow(Who::Uid(SECOND), Verbs::READ | Verbs::EXECUTE)).unwrap();
    let _topics = [
        topic(&service, "common", None),
        topic(&service, "own", Some(Access::same_user())),
        topic(&service, "third", Some(Access::same_user().allow(Who::Uid(THIRD), Verbs::READ))),
    ];
    service.ready().unwrap();
    while_it_answers(&service, &["common", "own", "third"], || {
        // Whoever is on any list may connect, and sees what he was granted something of.
        for (process, visible, common, thirds, commands) in [
            (&mut second, "common", "done", "CONNECT", "done"),
            (&mut third, "third", "CONNECT", "done", "CONNECT"),
        ] {
            assert_eq!(process.ask("topics service"), visible);
            assert_eq!(process.ask("read service/common"), common);
            assert_eq!(process.ask("read service/own"), "CONNECT");
            assert_eq!(process.ask("read service/third"), thirds);
            assert_eq!(process.ask("client service"), commands);
            assert_eq!(process.ask("execute service"), commands);
            assert_eq!(process.ask("services "), "service");
        }
    });
    second.finish();
    third.finish();
}

#[test]
fn what_a_service_tells_of_itself_is_for_whom_it_was_granted_to() {
    if !users::can_become_others("what_a_service_tells_of_itself_is_for_whom_it_was_granted_to") {
        return;
    }
    let place = SharedPlace::new(0o755);
    let (mut second, mut third) = others(&place);
    let service = place.bus(0o755).service("service").unwrap();
    // It tells of all topics and all clients, so whoever may do everything else may not have it for that.
    let all_else = Verbs::READ | Verbs::TRACK | Verbs::POKE | Verbs::COMPUTE | Verbs::EXECUTE;
    let access = Access::same_user().allow(Who::Uid(SECOND), all_else).allow(Who::Uid(THIRD), Verbs::OBSERVE);
    service.set_access(access).unwrap();
    let _topics = [topic(&service, "common", None), topic(&service, "own", Some(Access::same_user()))];
    service.ready().unwrap();
    // Nor is anything made for who may not have it.
    let is_made = || std::fs::read_to_string("/proc/self/maps").unwrap().contains("bus service/system");
    for what in ["system", "spy"] {
        assert_eq!(second.ask(format!("{what} service")), "OBSERVE");
    }
    assert!(!is_made());
    for what in ["system", "spy"] {
        assert_eq!(third.ask(format!("{what} service")), "done");
    }
    assert!(is_made());
    assert_eq!(third.ask("read service/common"), "READ");
    second.finish();
    third.finish();
}

#[test]
fn by_default_a_service_is_its_own_users_and_roots() {
    if !users::can_become_others("by_default_a_service_is_its_own_users_and_roots") {
        return;
    }
    let place = SharedPlace::new(0o755);
    let (mut second, third) = others(&place);
    let bus = place.bus(0o755);
    let service = bus.service("service").unwrap();
    let _topic = topic(&service, "topic", None);
    service.ready().unwrap();
    for what in ["all service/topic", "read service/topic", "client service/", "topics service"] {
        assert_eq!(second.ask(what), "CONNECT", "{what}");
    }
    assert_eq!(second.ask("services "), "");
    assert_eq!(bus.connect::<u64>("service/topic").open().unwrap().request("item").unwrap().value, 1);
    // A topic that comes later may let others in; the rest stays closed to them.
    let _later = topic(&service, "later", Some(Access::same_user().allow(Who::Uid(SECOND), Verbs::READ)));
    assert_eq!(second.ask("read service/later"), "done");
    assert_eq!(second.ask("read service/topic"), "CONNECT");
    assert_eq!(second.ask("topics service"), "later");
    second.finish();
    // On no list, where the socket is open to all: refused by the service itself.
    let mut third = third;
    assert_eq!(third.ask("read service/later"), "CONNECT");
    assert_eq!(third.ask("client service/"), "CONNECT");
    assert_eq!(third.ask("topics service"), "CONNECT");
    third.finish();
}

#[test]
fn who_may_use_a_service_is_settled_before_it_is_ready() {
    let place = support::Place::new();
    let service = place.bus().service("service").unwrap();
    service.ready().unwrap();
    let error = service.set_access(Access::same_user()).unwrap_err();
    assert!(error.to_string().contains("access is said of a service that is ready"), "{error}");
}

#[test]
fn a_list_can_leave_out_the_services_own_user() {
    let place = support::Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let own = rustix::process::geteuid().as_raw();
    let to_poke = Access::nobody().allow(Who::Uid(own), Verbs::POKE);
    let _topics = [topic(&service, "poke", Some(to_poke)), topic(&service, "none", Some(Access::nobody()))];
    service.ready().unwrap();
    while_it_answers(&service, &["poke"], || {
        let client = bus.connect::<u64>("service/poke").open().unwrap();
        client.poke("item", &3).unwrap();
        assert!(client.items().is_empty() && client.ended().is_none());
        for error in [
            client.request("item").unwrap_err(),
            client.item("item").unwrap_err(),
            client.advise("item").hot().unwrap_err(),
            client.advise("item").wait(LIMIT).hot().unwrap_err(),
            client.advise("*").wait(LIMIT).samples(1).unwrap_err(),
        ] {
            let Error::Denied { needed, what, .. } = &error else { panic!("{error}") };
            assert_eq!(*needed, Verbs::READ);
            assert!(what.starts_with("service/poke/"), "{error}");
        }
        let waits = bus.connect::<u64>("service/none").wait(LIMIT).open().unwrap_err();
        assert!(matches!(waits, Error::Denied { needed: Verbs::CONNECT, .. }), "{waits}");
    });
    support::until("its conversations are over", || service.conversations().is_empty());
}
