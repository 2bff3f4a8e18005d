//! Many readers at once cost the publisher nothing and each other nothing: each gets all, or counts exactly.
//!
//! The service knows who they are while they are there, and that they are gone when they are.

mod support;

use support::{Account, Checked, Place, Test, connect, roles, until};

roles!(reader);

const READERS: usize = 64;
const ITEMS: u64 = 3;
const VALUES: u64 = 3_000;

/// Follows the topic or an item, with as many other ways to do it as there are, until the last values.
fn reader(test: &mut Test) {
    let index: usize = test.hear_number();
    let bus = test.bus();
    let topic = connect(&bus);
    let (advise, last) = match index % 4 {
        0 | 1 => (topic.advise("*"), [VALUES; ITEMS as usize]),
        2 => (topic.advise("0"), [VALUES, 0, 0]),
        _ => (topic.advise_items(["0", "2"]), [VALUES, 0, VALUES]),
    };
    let advise = if index.is_multiple_of(8) { advise.latest() } else { advise };
    let mut link = advise.hot().unwrap();
    test.say("ready");
    let mut account = Account::default();
    account.enter_until(&mut link, &last);
    assert_eq!(link.try_recv().unwrap(), None);
    for item in 0..ITEMS {
        let entry = account.of(item);
        assert_eq!(entry.delivered + entry.missed, last[item as usize]);
        test.say(entry.missed);
    }
    test.await_line("end");
}

#[test]
fn sixty_four_processes_read_at_once() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(64).journal(256).open().unwrap();
    let items: Vec<_> = (0..ITEMS).map(|item| topic.item(&item.to_string()).unwrap()).collect();
    service.ready().unwrap();

    let mut readers: Vec<_> = (0..READERS).map(|_| place.start("reader")).collect();
    for (index, reader) in readers.iter_mut().enumerate() {
        reader.say(index);
    }
    readers.iter_mut().for_each(|reader| reader.await_line("ready"));
    until("the service knows of every link", || {
        let clients = service.clients();
        clients.len() == READERS
            && clients.iter().all(|client| (client.conversations, client.links) == (1, 1))
    });
    let mut clients = service.clients();
    clients.sort_by_key(|client| client.pid);
    let mut pids: Vec<u32> = readers.iter().map(|reader| reader.pid()).collect();
    pids.sort();
    assert_eq!(clients.iter().map(|client| client.pid).collect::<Vec<_>>(), pids);

    for number in 1..=VALUES {
        for (index, item) in items.iter().enumerate() {
            item.publish(&Checked::new(index as u64, number)).unwrap();
        }
    }
    let mut missed = 0;
    for reader in &mut readers {
        missed += (0..ITEMS).map(|_| reader.hear_number::<u64>()).sum::<u64>();
    }
    println!("{missed} values were missed, and counted");
    assert_eq!(service.clients().len(), READERS);
    for reader in readers {
        finish(reader);
    }
    until("all clients are gone", || service.clients().is_empty());
}

fn finish(mut reader: support::Process) {
    reader.say("end");
    reader.finish();
}
