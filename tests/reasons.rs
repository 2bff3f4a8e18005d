//! However a conversation ends, both sides learn why.
//!
//! A client closes it, dies, or is evicted; a service closes, dies, or evicts. Links and transactions end with it, other
//! conversations go on, and what is held stays valid.

mod support;

use std::time::Duration;

use bus::{ConversationEvent, ConversationEvents, Ended, Error, Service, Topic};
use support::forged::{Forged, send_segment};
use support::wire::{frame, kind};
use support::{LIMIT, Place, Test, roles};

roles!(client);

/// Has a conversation and a link, and ends in the way that it is told.
fn client(test: &mut Test) {
    let bus = test.bus();
    let topic = bus.connect::<u64>("service/topic").open().unwrap();
    let mut link = topic.advise("item").hot().unwrap();
    test.say(link.recv().unwrap().value);
    match test.hear().as_str() {
        "close" => {
            topic.close();
            // What was published before comes first.
            let error = loop {
                if let Err(error) = link.recv() {
                    break error;
                }
            };
            test.say(error);
        }
        "drop" => drop((link, topic, bus)),
        "exit" => std::process::exit(0),
        "await" => {
            test.say(link.recv().unwrap_err());
            test.say(topic.ended().unwrap());
        }
        other => panic!("{other}"),
    }
}

fn serve(place: &Place) -> (Service, Topic<u64>) {
    let service = place.bus().service("service").unwrap();
    let topic = service.topic("topic").samples(4).lossless(LIMIT).history(2).open().unwrap();
    topic.item("item").unwrap().publish(&1).unwrap();
    service.ready().unwrap();
    (service, topic)
}

#[track_caller]
fn opened(events: &ConversationEvents) -> (u64, u32) {
    match events.recv_timeout(LIMIT).unwrap() {
        Some(ConversationEvent::Opened(conversation)) => (conversation.number, conversation.pid),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn ended(events: &ConversationEvents) -> (u64, Ended) {
    match events.recv_timeout(LIMIT).unwrap() {
        Some(ConversationEvent::Ended { conversation, reason }) => (conversation.number, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_service_learns_how_its_clients_ended() {
    let place = Place::new();
    let (service, _topic) = serve(&place);
    let events = service.conversation_events();
    for (how, expected) in
        [("close", Ended::Closed), ("drop", Ended::Closed), ("exit", Ended::Died), ("kill", Ended::Died)]
    {
        let mut client = place.start("client");
        client.await_line("1");
        let (number, pid) = opened(&events);
        assert_eq!(pid, client.pid());
        assert_eq!(service.conversations()[0].number(), number);
        if how == "kill" {
            client.kill();
        } else {
            client.say(how);
        }
        assert_eq!(ended(&events), (number, expected), "{how}");
        if how == "close" {
            let told = client.hear();
            assert!(told.contains("it was closed"), "{told}");
        }
    }
    assert_eq!(events.missed(), 0);
    assert!(service.conversations().is_empty());
    service.close();
    assert!(matches!(events.try_recv(), Err(Error::Closed(_))));
}

#[test]
fn a_client_that_is_evicted_is_told_why_and_others_go_on() {
    let place = Place::new();
    let (service, topic) = serve(&place);
    let mut other = place.start("client");
    other.await_line("1");
    let events = service.conversation_events();
    let bus = place.bus();
    let evicted = bus.connect::<u64>("service/topic").open().unwrap();
    let (number, _) = opened(&events);
    let mut handlers = service.handlers::<()>().unwrap();
    handlers.accept_pokes(&topic).unwrap();
    let mut link = evicted.advise("item").hot().unwrap();
    assert_eq!(link.recv().unwrap().value, 1);
    let mut lossless = evicted.advise("item").lossless(LIMIT).hot().unwrap();
    let poke = evicted.begin_poke("item", &5).unwrap();

    let served = service.conversations().into_iter().find(|served| served.number() == number).unwrap();
    served.close("you talk too\x07 much");
    assert_eq!(ended(&events), (number, Ended::Evicted("you talk too\x07 much".to_owned())));
    let reason = Ended::Evicted("you talk too\u{fffd} much".to_owned());
    let Error::Stale { reason: told, .. } = link.recv().unwrap_err() else { panic!("not stale") };
    assert_eq!(told, reason);
    assert_eq!(evicted.ended(), Some(reason.clone()));
    let Error::Died { reason: told, .. } = poke.wait().unwrap_err() else { panic!("not died") };
    assert_eq!(told, reason);
    assert_eq!(handlers.poll(&mut (), Duration::ZERO).unwrap(), 0, "nothing of it is begun");
    // A publisher no longer waits for it, nor does anything of it come back by itself.
    let item = topic.item("item").unwrap();
    for value in 0..10 {
        item.publish(&value).unwrap();
    }
    while lossless.recv().is_ok() {}
    assert!(matches!(evicted.poke("item", &6), Err(Error::Stale { .. })));
    assert!(matches!(evicted.advise("item").hot(), Err(Error::Stale { .. })));
    assert!(evicted.request("item").unwrap().stale);
    served.close("once more");

    // Others, and another of the same client, are none the worse.
    let again = bus.connect::<u64>("service/topic").open().unwrap();
    opened(&events);
    assert_eq!(again.request("item").unwrap().value, 9);
    assert_eq!(service.conversations().len(), 2);
    assert!(evicted.ended().is_some());
    other.say("close");
    assert!(other.hear().contains("it was closed"));
    drop(handlers);
}

#[test]
fn what_is_held_outlives_an_eviction_and_a_close() {
    let place = Place::new();
    let (service, topic) = serve(&place);
    let item = topic.item("item").unwrap();
    let bus = place.bus();
    for evicts in [false, true] {
        item.publish(&77).unwrap();
        let events = service.conversation_events();
        let conversation = bus.connect::<u64>("service/topic").open().unwrap();
        let mut link = conversation.advise("item").samples(2).unwrap();
        let sample = link.recv().unwrap().value;
        assert_eq!(*sample, 77);
        opened(&events);
        if evicts {
            service.conversations()[0].close("enough");
        } else {
            conversation.clone().close();
        }
        ended(&events);
        for value in 0..100 {
            item.publish(&value).unwrap();
            assert_eq!(*sample, 77, "after {value}");
        }
        // All of the memory is free again when it is let go, and the conversation's number is forgotten.
        drop((sample, link, conversation));
        support::until("the client's links are gone", || {
            service.clients().iter().all(|client| client.links == 0)
        });
        for value in 0..100 {
            item.publish(&value).unwrap();
        }
    }
}

#[test]
fn an_evicted_client_is_back_in_the_services_next_life_and_a_closed_one_is_not() {
    let place = Place::new();
    let (service, topic) = serve(&place);
    let bus = place.bus();
    let evicted = bus.connect::<u64>("service/topic").open().unwrap();
    let closed = bus.connect::<u64>("service/topic").open().unwrap();
    let mut link = evicted.advise("item").hot().unwrap();
    assert_eq!(link.recv().unwrap().value, 1);
    let mut over = closed.advise("item").hot().unwrap();
    assert_eq!(over.recv().unwrap().value, 1);
    let clone = closed.clone();
    closed.close();
    assert_eq!(clone.ended(), Some(Ended::Closed));
    support::until("one is left", || service.conversations().len() == 1);
    service.conversations()[0].close("go");
    assert!(matches!(link.recv(), Err(Error::Stale { reason: Ended::Evicted(_), .. })));
    drop((topic, service));
    let (service, _topic) = serve(&place);
    let update = link.recv_timeout(LIMIT).unwrap();
    assert!((update.value, update.gap) == (1, true));
    assert_eq!(evicted.ended(), None);
    assert_eq!(service.conversations().len(), 1);
    assert_eq!(clone.ended(), Some(Ended::Closed));
    assert!(matches!(over.recv(), Err(Error::Stale { reason: Ended::Closed, .. })));
}

#[test]
fn a_question_on_its_way_when_the_conversation_ends_is_answered() {
    let place = Place::new();
    let service = support::forged::Service::new(&place, "service");
    let (segment, _live) = Forged::topic::<u64>(&["item"]).make();
    let bus = place.bus();
    std::thread::scope(|scope| {
        let poke = scope.spawn(|| {
            let topic = bus.connect::<u64>("service/topic").timeout(LIMIT).open().unwrap();
            topic.with_timeout(2 * LIMIT).poke("item", &1).unwrap_err()
        });
        let (mut client, conversation) = service.converse();
        send_segment(&mut client, conversation, 0, 1, &segment);
        while client.receive().unwrap().kind() != kind::OPEN_LANE {}
        // It crossed the question on its way.
        client.send(&frame(kind::ENDED, conversation, 0, &[0; 1023]), &[]).unwrap();
        let error = poke.join().unwrap();
        assert!(matches!(error, Error::Stale { reason: Ended::Evicted(_), .. }), "{error}");
    });
}

#[test]
fn clients_learn_how_their_service_ended() {
    let place = Place::new();
    let (service, topic) = serve(&place);
    let mut client = place.start("client");
    client.await_line("1");
    let events = service.conversation_events();
    client.say("await");
    drop(topic);
    service.close();
    for _ in 0..2 {
        let told = client.hear();
        assert!(told.contains("it was closed"), "{told}");
    }
    client.finish();
    let last: Vec<_> = events.collect();
    assert!(matches!(&last[..], [ConversationEvent::Ended { reason: Ended::Closed, .. }]), "{last:?}");
}
