//! What a service offers is known to its clients as soon as it is so, whatever they have open already.

mod support;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use bus::{Error, Topic};
use support::desk::{Add, Sum};
use support::{LIMIT, Place, Random};

#[test]
fn a_handler_that_is_added_while_a_lane_is_made_is_known_by_it() {
    const ROUNDS: usize = 1000;
    let mut random = Random::seeded();
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topics: Vec<Topic<u64>> =
        (0..ROUNDS).map(|round| service.topic(&round.to_string()).capacity(1).open().unwrap()).collect();
    topics.iter().for_each(|topic| assert_eq!(topic.item("item").unwrap().publish(&0).unwrap(), 1));
    service.ready().unwrap();
    let mut handlers = service.handlers::<()>().unwrap();
    handlers.execute(|_, add: &Add, _| Ok(Sum(add.0 + add.1))).unwrap();
    let (begin, added) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            for round in 0..ROUNDS {
                let topic =
                    bus.connect::<u64>(&format!("service/{round}")).open().unwrap().with_timeout(LIMIT);
                begin.wait();
                // Its first transaction, for which its lane is made now.
                let sum = topic.begin_execute(&Add(1, 2));
                added.wait();
                let poke = topic.begin_poke("item", &1);
                // The other is waited for before anything is asserted, or the service would wait in vain.
                assert_eq!(sum.unwrap().wait().unwrap(), Sum(3));
                poke.unwrap().wait().unwrap();
            }
        });
        for topic in &topics {
            begin.wait();
            // At any moment of the way that the question for the lane goes.
            let (start, spread) = (Instant::now(), Duration::from_micros(random.below_u64(300)));
            while start.elapsed() < spread {
                core::hint::spin_loop();
            }
            handlers.accept_pokes(topic).unwrap();
            added.wait();
            let mut handled = 0;
            while handled < 2 && !client.is_finished() {
                handled += handlers.poll(&mut (), Duration::from_millis(100)).unwrap();
            }
            assert!(handled == 2, "the client has failed");
        }
        client.join().unwrap();
    });
}

#[test]
fn handlers_that_come_and_go_are_known_to_conversations_that_stay() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    topic.item("item").unwrap();
    service.ready().unwrap();
    let client = bus.connect::<u64>("service/topic").open().unwrap().with_timeout(LIMIT);
    for round in 0..20 {
        assert!(matches!(client.begin_poke("item", &round), Err(Error::NotSupported { .. })));
        let mut handlers = service.handlers::<()>().unwrap();
        assert!(matches!(service.handlers::<()>(), Err(Error::AlreadyHandled { .. })));
        handlers.accept_pokes(&topic).unwrap();
        let pokes =
            [client.begin_poke("item", &round).unwrap(), client.begin_poke("item", &(round + 1)).unwrap()];
        assert!(matches!(client.begin_execute(&Add(1, 2)), Err(Error::NotSupported { .. })));
        handlers.execute(|_, add: &Add, _| Ok(Sum(add.0 + add.1))).unwrap();
        let sum = client.begin_execute(&Add(1, 2)).unwrap();
        let mut handled = 0;
        while handled < 3 {
            handled += handlers.poll(&mut (), LIMIT).unwrap();
        }
        pokes.into_iter().for_each(|poke| poke.wait().unwrap());
        assert_eq!(sum.wait().unwrap(), Sum(3));
    }
}
