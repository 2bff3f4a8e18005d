//! While nobody sleeps, publishing, reading and asking make no system call.
//!
//! The kernel is the witness: a thread forbids itself every system call (seccomp, seccomp(2)) and then publishes,
//! requests, receives, executes, pokes, or answers. One call would kill its process.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::Wait;
use support::desk::{Add, Sum};
use support::{Checked, LIMIT, Place, Publisher, Setup, Test, connect, publisher, roles, until};

roles!(publisher, silent_publisher, silent_reader, silent_service, silent_client, silent_merger, offender);

/// Members of a merged link.
const MEMBERS: u64 = 50;

const SETUP: Setup = Setup { history: 4, journal: 8, items: 2 };

fn silent_publisher(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("silent").unwrap();
    let topic = service.topic("topic").history(4).journal(8).open().unwrap();
    let item = topic.item("item").unwrap().id();
    service.ready().unwrap();
    test.say("ready");
    test.await_line("publish");
    without_system_calls(move || {
        let item = topic.at(item).unwrap();
        for number in 1..=10_000 {
            item.publish(&Checked::new(0, number)).unwrap();
        }
        core::mem::forget(topic);
    });
    test.say("published");
}

fn silent_reader(test: &mut Test) {
    let topic = connect(&test.bus());
    let mut item = topic.item("0").unwrap();
    let mut links = [
        topic.advise("0").hot().unwrap(),
        topic.advise("0").latest().hot().unwrap(),
        topic.advise("*").hot().unwrap(),
    ];
    test.say("ready");
    test.await_line("read");
    without_system_calls(move || {
        for _ in 0..1000 {
            assert_eq!(item.request().unwrap().seq, 100);
        }
        for link in &mut links {
            let mut last = 0;
            while let Some(update) = link.try_recv().unwrap() {
                last = update.seq;
            }
            assert_eq!(last, 100);
        }
        core::mem::forget((links, item));
    });
    test.say("read");
}

/// Transactions of the silent client, of which each is answered.
const TRANSACTIONS: u64 = 10_000;

fn silent_service(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("silent").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    topic.item("item").unwrap();
    let mut handlers = service.handlers::<()>().unwrap();
    handlers.wait(Wait::Spin).accept_pokes(&topic).unwrap();
    handlers.execute(|_, add: &Add, _| Ok(Sum(add.0 + add.1))).unwrap();
    handlers.compute("topic", |_, _| Ok(1.5f64)).unwrap();
    service.ready().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            test.say("ready");
            test.await_line("be silent");
            SILENT.store(true, Ordering::SeqCst);
            until("it is", || IS_SILENT.load(Ordering::SeqCst));
            test.say("silent");
            test.await_line("end");
            std::process::exit(0);
        });
        // Until the client has its lanes, and each kind of request has been handled.
        while !SILENT.load(Ordering::SeqCst) {
            handlers.poll(&mut (), Duration::from_millis(1)).unwrap();
        }
        IS_SILENT.store(true, Ordering::SeqCst);
        forbid_system_calls();
        handlers.run(&mut ()).unwrap();
    });
}

/// Whether system calls are to be forbidden from here on, and are.
static SILENT: AtomicBool = AtomicBool::new(false);
static IS_SILENT: AtomicBool = AtomicBool::new(false);

fn silent_client(test: &mut Test) {
    let bus = test.bus();
    let client = bus.client("silent").open().unwrap().with_timeout(LIMIT).with_wait(Wait::Spin);
    let topic = bus.connect::<u64>("silent/topic").open().unwrap();
    let topic = topic.with_timeout(LIMIT).with_wait(Wait::Spin);
    let ask = move |number: u64| {
        assert_eq!(client.execute(&Add(number, 1)).unwrap(), Sum(number + 1));
        topic.poke("item", &number).unwrap();
        assert_eq!(topic.request_as::<f64>("item").unwrap(), 1.5);
        let many = [1, 2, 3].map(|one| client.begin_execute(&Add(number, one)).unwrap());
        for (one, pending) in (1..).zip(many) {
            assert_eq!(pending.wait().unwrap(), Sum(number + one));
        }
    };
    // They have their lanes by this.
    ask(0);
    test.say("ready");
    test.await_line("ask");
    without_system_calls(move || {
        (1..=TRANSACTIONS).for_each(&ask);
        core::mem::forget(ask);
    });
    test.say("asked");
    // Until the service has ended.
    test.hear();
}

/// Reads what many members published by one link.
fn silent_merger(test: &mut Test) {
    let list = test.bus().connect_all::<u64>("many-*", "topic").unwrap();
    list.wait_for(MEMBERS as usize, support::LIMIT).unwrap();
    let mut link = list.advise("item").hot().unwrap();
    for _ in 0..MEMBERS {
        link.recv().unwrap();
    }
    // One that has not waited by a set.
    let mut link = list.advise("item").hot().unwrap();
    let mut present = 0;
    until("all are followed", || {
        while link.try_recv().unwrap().is_some() {
            present += 1;
        }
        present == MEMBERS
    });
    test.say("ready");
    test.await_line("read");
    without_system_calls(move || {
        for _ in 0..MEMBERS {
            assert!(link.try_recv().unwrap().is_some());
        }
        (0..100).for_each(|_| assert!(link.try_recv().unwrap().is_none()));
        core::mem::forget((link, list));
    });
    test.say("read");
}

/// Makes the smallest of system calls where none is allowed.
fn offender(test: &mut Test) {
    test.say("ready");
    without_system_calls(|| assert!(rustix::process::getppid().is_some()));
    test.say("still here");
}

#[test]
fn a_publish_makes_none() {
    let place = Place::new();
    let mut process = place.start("silent_publisher");
    process.await_line("ready");
    let topic = place.bus().connect::<Checked>("silent/topic").open().unwrap();
    let mut link = topic.advise("*").hot().unwrap();
    process.say("publish");
    process.await_line("published");
    assert_eq!(topic.request("item").unwrap().value.check(), (0, 10_000));
    assert_eq!(link.try_recv().unwrap().unwrap().missed, 9_996);
}

#[test]
fn a_request_and_a_receive_make_none() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut process = place.start("silent_reader");
    process.await_line("ready");
    publisher.publish(0, 100);
    process.say("read");
    process.await_line("read");
}

#[test]
fn a_transaction_makes_none_on_either_side() {
    let place = Place::new();
    let mut service = place.start("silent_service");
    service.await_line("ready");
    let mut client = place.start("silent_client");
    client.await_line("ready");
    service.say("be silent");
    service.await_line("silent");
    client.say("ask");
    client.await_line("asked");
    // Its control thread goes on, and it has not been killed. The client is there as long: who gives a lane up has it unmapped by
    // the thread that has looked at it last.
    service.say("end");
    service.finish();
    drop(client);
}

#[test]
fn a_receive_from_many_members_makes_none() {
    let place = Place::new();
    let bus = place.bus();
    let services: Vec<_> = (0..MEMBERS)
        .map(|index| {
            let service = bus.service(&format!("many-{index}")).unwrap();
            let topic = service.topic::<u64>("topic").open().unwrap();
            topic.item("item").unwrap().publish(&index).unwrap();
            service.ready().unwrap();
            (service, topic)
        })
        .collect();
    let mut process = place.start("silent_merger");
    process.await_line("ready");
    for (_, topic) in &services {
        topic.item("item").unwrap().publish(&0).unwrap();
    }
    process.say("read");
    process.await_line("read");
}

#[test]
fn one_would_be_noticed() {
    let place = Place::new();
    let mut process = place.start("offender");
    process.await_line("ready");
    let status = process.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGSYS));
}

/// Runs `work` on a thread that may make no system call, not even to end.
fn without_system_calls(work: impl FnOnce() + Send + 'static) {
    static DONE: AtomicBool = AtomicBool::new(false);
    std::thread::spawn(move || {
        forbid_system_calls();
        work();
        DONE.store(true, Ordering::SeqCst);
        loop {
            core::hint::spin_loop();
        }
    });
    until("the work is done", || DONE.load(Ordering::SeqCst));
}

/// From here on, a system call of this thread ends its process with SIGSYS.
fn forbid_system_calls() {
    let kill = libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_KILL_PROCESS,
    };
    let mut program = [kill];
    let program = libc::sock_fprog { len: 1, filter: program.as_mut_ptr() };
    // SAFETY: this asks the kernel to grant no further privileges to this thread, and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: `program` points to one instruction, and both live until the call returns.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &program) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
