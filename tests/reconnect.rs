//! A connection may end although the service lives: it evicted its client, or one side ran out of descriptors.
//!
//! The values are still there, in memory that both have. So a link says once that its service is gone, and when the
//! connection is back it goes on exactly where it was: nothing twice, nothing uncounted, and no gap. And an end that
//! was said in so many words is never taken for a death.

mod support;

use bus::{Ended, Error};
use support::forged::{Forged, Service, located_frame, send_segment, welcome};
use support::wire::{Client, frame, kind};
use support::{LIMIT, Place};

/// Says of the next two links where they are.
fn locate_two(client: &mut Client) {
    for _ in 0..2 {
        let advise = loop {
            let incoming = client.receive().expect("the client goes on");
            if incoming.kind() == kind::ADVISE {
                break incoming;
            }
        };
        client.send(&located_frame(advise.conversation(), advise.reference(), 0), &[]).unwrap();
    }
}

#[test]
fn a_link_goes_on_where_it_was_when_the_same_life_of_the_service_is_connected_to_again() {
    let place = Place::new();
    let service = Service::new(&place, "service");
    let (segment, live) = Forged::topic::<u64>(&["item"]).make();
    let bus = place.bus();
    let (topic, mut client) = std::thread::scope(|scope| {
        let topic = scope.spawn(|| bus.connect::<u64>("service/topic").timeout(LIMIT).open().unwrap());
        let (mut client, conversation) = service.converse();
        send_segment(&mut client, conversation, 0, 1, &segment);
        (topic.join().unwrap(), client)
    });
    let (mut item, mut all) = std::thread::scope(|scope| {
        let links = scope.spawn(|| {
            let item = topic.advise("item").prime(false).wait(LIMIT).hot().unwrap();
            (item, topic.advise("*").prime(false).wait(LIMIT).hot().unwrap())
        });
        locate_two(&mut client);
        links.join().unwrap()
    });
    let publish = |number: u64| {
        live.publish(0, number, &[number * 10]);
        live.enter(number, 0, number);
    };
    publish(1);
    publish(2);
    for link in [&mut item, &mut all] {
        assert_eq!(link.recv().unwrap().seq, 1);
    }
    // The connection ends, the life of the service does not.
    drop(client);
    for link in [&mut item, &mut all] {
        assert_eq!(link.recv().unwrap().seq, 2, "what was published before comes first");
        let Error::Stale { reason: Ended::Died, .. } = link.recv().unwrap_err() else { panic!("not stale") };
    }
    publish(3);
    let (mut client, conversation) = service.converse();
    send_segment(&mut client, conversation, 0, 1, &segment);
    locate_two(&mut client);
    publish(4);
    for link in [&mut item, &mut all] {
        for number in 3..=4 {
            let update = link.recv_timeout(LIMIT).unwrap();
            assert_eq!(
                (update.seq, update.value, update.missed, update.gap),
                (number, number * 10, 0, false)
            );
        }
        assert!(link.try_recv().unwrap().is_none(), "nothing comes twice");
    }
}

#[test]
fn a_service_that_closes_while_it_is_spoken_to_was_closed() {
    let place = Place::new();
    for _ in 0..50 {
        let service = place.bus().service("service").unwrap();
        let topic = service.topic::<u64>("topic").open().unwrap();
        topic.item("item").unwrap().publish(&1).unwrap();
        service.ready().unwrap();
        let conversation = place.bus().connect::<u64>("service/topic").open().unwrap();
        let mut link = conversation.advise("item").hot().unwrap();
        std::thread::scope(|scope| {
            // Links come and go all the while.
            let busy = scope.spawn(|| {
                while conversation.ended().is_none() {
                    drop(conversation.advise("item").hot());
                }
            });
            service.close();
            busy.join().unwrap();
        });
        assert_eq!(link.recv().unwrap().value, 1);
        let Error::Stale { reason, .. } = link.recv().unwrap_err() else { panic!("not stale") };
        assert_eq!(reason, Ended::Closed);
    }
}

#[test]
fn a_reason_to_end_at_once_is_the_error_of_the_connect() {
    let place = Place::new();
    let service = Service::new(&place, "service");
    let bus = place.bus();
    std::thread::scope(|scope| {
        let connect = scope.spawn(|| bus.connect::<u64>("service/topic").timeout(LIMIT).open().unwrap_err());
        let mut client = service.accept();
        client.send(&welcome(), &[]).unwrap();
        let text = b"we do not talk to\x07 strangers";
        let mut goodbye = vec![1];
        goodbye.extend((text.len() as u16).to_le_bytes());
        goodbye.extend(text);
        goodbye.resize(1 + 2 + 1021, 0);
        client.send(&frame(kind::GOODBYE, 0, 0, &goodbye), &[]).unwrap();
        drop(client);
        let error = connect.join().unwrap();
        let Error::Refused { service, reason, .. } = &error else { panic!("{error}") };
        assert_eq!(service, "service");
        assert!(reason.contains("we do not talk to") && !reason.contains('\x07'), "{reason}");
    });
}
