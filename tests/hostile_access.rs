//! What a client may not do it cannot do by frames of its own making either.

mod support;

use std::sync::mpsc;

use bus::{Access, Error, Service, Topic, Verbs, Who};
use support::desk::{Add, Sum};
use support::wire::{Client, advise, advise_samples, frame, kind, name, words};
use support::{Place, until};

/// A service whose own user may do this with its topics, and nothing else.
fn serve(place: &Place, verbs: Verbs) -> (Service, Topic<u64>) {
    let service = place.bus().service("service").unwrap();
    let own = rustix::process::geteuid().as_raw();
    service.set_access(Access::nobody().allow(Who::Uid(own), verbs)).unwrap();
    let topic = service.topic("topic").samples(4).lossless(support::LIMIT).capacity(1).open().unwrap();
    topic.item("item").unwrap().publish(&1).unwrap();
    (service, topic)
}

fn connect(client: &mut Client, conversation: u64, topic: &str) {
    client.send(&frame(kind::CONNECT, conversation, 0, &name(topic, &[false])), &[]).unwrap();
}

#[test]
fn who_may_not_read_is_sent_no_memory_whatever_he_asks_for() {
    let place = Place::new();
    let (service, topic) = serve(&place, Verbs::POKE);
    service.ready().unwrap();
    let mut client = Client::greeted(&place, "service");
    connect(&mut client, 1, "topic");
    // The topic grows: who has it is sent the new part.
    for item in 0..100 {
        topic.item(&format!("item {item}")).unwrap();
    }
    let asked = [
        frame(kind::FIND, 1, 1, &name("item", &[])),
        frame(kind::ADVISE, 1, 2, &advise("item", false, false)),
        frame(kind::ADVISE, 1, 3, &advise("", true, true)),
        frame(kind::ADVISE, 1, 4, &advise_samples("item", 2)),
        frame(kind::ADVISE, 1, 5, &advise("not there yet", true, false)),
        // For computed values, and for commands.
        frame(kind::OPEN_LANE, 1, 6, &words(&[1 | 1 << 32, 2])),
        frame(kind::OPEN_LANE, 1, 7, &words(&[1 | 1 << 32, 4])),
        frame(kind::ATTEND, 1, 2, &words(&[1, 0])),
        frame(kind::NEXT_TOPIC, 0, 8, &name("", &[])),
    ];
    asked.iter().for_each(|frame| client.send(frame, &[]).unwrap());
    let opened = client.receive().unwrap();
    assert_eq!((opened.kind(), opened.body().len()), (kind::OPENED, 0));
    for reference in 1..=7 {
        let refused = client.receive().unwrap();
        assert_eq!((refused.kind(), refused.reference(), refused.fds.len()), (kind::REFUSED, reference, 0));
    }
    let topic = client.receive().unwrap();
    assert_eq!(
        (topic.kind(), topic.reference()),
        (kind::TOPIC_ENTRY, 8),
        "whatever else came, no memory did"
    );
}

#[test]
fn who_may_have_no_command_done_is_told_of_none() {
    let place = Place::new();
    let (service, _topic) = serve(&place, Verbs::READ);
    let mut handlers = service.handlers::<()>().unwrap();
    handlers.execute(|_, add: &Add, _| Ok(Sum(add.0 + add.1))).unwrap();
    service.ready().unwrap();
    let error = place.bus().client("service").open().unwrap().commands().unwrap_err();
    assert!(matches!(&error, Error::Denied { needed: Verbs::EXECUTE, .. }), "{error}");
    assert!(error.to_string().contains("list `commands`"), "{error}");
    // Nor without a conversation, of which he would have to be granted something.
    let mut client = Client::greeted(&place, "service");
    client.send(&frame(kind::NEXT_OFFER, 0, 1, &words(&[0])), &[]).unwrap();
    assert_eq!(client.receive().unwrap().kind(), kind::NO_MORE_OFFERS);
}

#[test]
fn the_hooks_word_on_one_topic_does_not_open_another_of_the_same_number() {
    let place = Place::new();
    let (service, _topic) = serve(&place, Verbs::READ);
    let _secret = service.topic::<u64>("secret").open().unwrap();
    let (asks, asked) = mpsc::channel();
    let (go, gone_on) = mpsc::channel::<()>();
    service
        .on_connect(move |request| {
            asks.send(request.topic.clone()).unwrap();
            gone_on.recv().unwrap();
            if request.topic == "secret" { Err("it is one".into()) } else { Ok(()) }
        })
        .unwrap();
    service.ready().unwrap();
    let mut client = Client::greeted(&place, "service");
    connect(&mut client, 1, "topic");
    assert_eq!(asked.recv().unwrap(), "topic");
    client.send(&frame(kind::CLOSE, 1, 0, &[]), &[]).unwrap();
    connect(&mut client, 1, "secret");
    // What was sent before this was handled before this is answered.
    client.send(&frame(kind::NEXT_TOPIC, 0, 1, &name("", &[])), &[]).unwrap();
    assert_eq!(client.receive().unwrap().kind(), kind::TOPIC_ENTRY);
    go.send(()).unwrap();
    assert_eq!(asked.recv().unwrap(), "secret");
    assert!(service.conversations().is_empty());
    go.send(()).unwrap();
    assert_eq!(client.receive().unwrap().kind(), kind::DECLINED);
    assert!(service.conversations().is_empty());
}

#[test]
fn a_conversation_that_was_ended_takes_nothing_more() {
    let place = Place::new();
    let (service, topic) = serve(&place, Verbs::ALL);
    service.ready().unwrap();
    let mut client = Client::greeted(&place, "service");
    connect(&mut client, 1, "topic");
    client.send(&frame(kind::ADVISE, 1, 2, &advise_samples("item", 2)), &[]).unwrap();
    let mut next = || client.receive().unwrap().kind();
    let mut kinds = vec![next()];
    while kinds.last() != Some(&kind::GRANTED) {
        kinds.push(next());
    }
    service.conversations()[0].close("enough");
    assert_eq!(next(), kind::ENDED);
    for more in [
        frame(kind::FIND, 1, 3, &name("item", &[])),
        frame(kind::ADVISE, 1, 4, &advise("item", false, false)),
        frame(kind::OPEN_LANE, 1, 5, &words(&[1 | 1 << 32, 1])),
        frame(kind::LEAVE, 1, 0, &[]),
        // Asked for by itself, and answered.
        frame(kind::NEXT_TOPIC, 0, 6, &name("", &[])),
    ] {
        client.send(&more, &[]).unwrap();
    }
    let answer = client.receive().unwrap();
    assert_eq!((answer.kind(), answer.reference()), (kind::TOPIC_ENTRY, 6));
    assert_eq!(service.clients()[0].links, 1, "what it holds is kept for it");
    // Until it closes that, its number is not another's.
    client.send(&frame(kind::UNADVISE, 1, 2, &[]), &[]).unwrap();
    client.send(&frame(kind::CLOSE, 1, 0, &[]), &[]).unwrap();
    until("nothing is kept", || service.clients()[0].links == 0);
    connect(&mut client, 1, "topic");
    assert_eq!(client.receive().unwrap().kind(), kind::SEGMENT);
    drop(topic);
}
