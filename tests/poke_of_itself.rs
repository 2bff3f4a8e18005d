//! A handler publishes the item that it was just poked.
//!
//! In DDE that could overflow the server's stack: posting advise data from the callback of a poke led to further callbacks
//! in the same stack (Microsoft's documentation of `DdePostAdvise` warns of it). Here publishing is a store in shared memory
//! and calls nobody, so it works however often and whoever listens: also a client that pokes at each value it is sent.

mod support;

use bus::{Ack, Conversation};
use support::{LIMIT, Place, Test, roles};

roles!(mirror, echo);

const TURNS: u64 = 5_000;

/// Publishes each value that it is poked, one more, in the handler of that very poke; and pokes itself once more, without
/// waiting.
fn mirror(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("mirror").unwrap();
    let topic = service.topic::<u64>("topic").history(64).open().unwrap();
    topic.item("item").unwrap();
    let own = service.topic::<u64>("own").open().unwrap();
    own.item("item").unwrap();
    service.ready().unwrap();
    let mut own_client: Option<Conversation<u64>> = None;
    // Little stack: one frame more with each turn would not fit.
    let serve = move || {
        let mut handlers = service.handlers().unwrap();
        handlers.accept_pokes(&own).unwrap();
        handlers
            .poke_later("topic", |_: &mut (), value: &u64, caller, reply| {
                let item = topic.at(caller.item_id().unwrap()).unwrap();
                item.publish(&(value + 1)).unwrap();
                let own = own_client.get_or_insert_with(|| bus.connect("mirror/own").open().unwrap());
                drop(own.begin_poke("item", value));
                reply.send(Ok(Ack {}));
            })
            .unwrap();
        test.say("ready");
        let stopper = handlers.stopper();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                test.hear();
                stopper.stop();
            });
            handlers.run(&mut ()).unwrap();
        });
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(512 << 10).spawn_scoped(scope, serve).unwrap();
    });
}

/// Pokes each value that it is sent, until there are enough.
fn echo(test: &mut Test) {
    let topic = test.bus().connect::<u64>("mirror/topic").open().unwrap().with_timeout(LIMIT);
    let mut link = topic.advise("item").hot().unwrap();
    test.say("ready");
    loop {
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.value, update.missed), (update.seq, 0));
        if update.value == TURNS {
            break;
        }
        if update.value.is_multiple_of(2) {
            topic.poke("item", &update.value).unwrap();
        }
    }
    test.say("done");
    test.hear();
}

#[test]
fn thousands_of_times_while_links_listen_and_poke_again() {
    let place = Place::new();
    let mut mirror = place.start("mirror");
    mirror.await_line("ready");
    let mut echo = place.start("echo");
    echo.await_line("ready");
    let topic = place.bus().connect::<u64>("mirror/topic").open().unwrap().with_timeout(LIMIT);
    let mut link = topic.advise("item").hot().unwrap();
    // The even ones are the other's, the odd ones this one's.
    topic.poke("item", &0).unwrap();
    loop {
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.value, update.missed), (update.seq, 0));
        if update.value == TURNS {
            break;
        }
        if update.value % 2 == 1 {
            topic.poke("item", &update.value).unwrap();
        }
    }
    echo.await_line("done");
    let own = place.bus().connect::<u64>("mirror/own").open().unwrap();
    assert!(own.request("item").unwrap().value < TURNS);
    mirror.say("end");
    mirror.finish();
}
