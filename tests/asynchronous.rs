//! Links, connects and watches as futures and streams, under three executors: tokio, smol, and one by hand that is no
//! more than a thread that parks. Nothing is lost by what is cancelled, nothing is left behind by it, and no thread
//! is started for any of it.

mod support;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use bus::{
    Bus, Conversation, Ended, Error, Hot, Link, RemoteItem, ServiceEvent, Stream, Update, WaitSet, Watch,
};
use support::{
    Account, Checked, LIMIT, Place, Process, Publisher, Random, Setup, Test, connect, proc, publisher, roles,
    until,
};
use tokio::io::unix::AsyncFd;

roles!(publisher, follower, counter);

const LINKS: u64 = 300;
const SETUP: Setup = Setup { history: 4, journal: 8, items: LINKS };
const ADDRESS: &str = "service/topic";
const EXECUTORS: [&str; 3] = ["tokio", "smol", "by hand"];

/// Wake-ups that would take longer than [`LIMIT`] if each came by the bound of a sleep, 100 ms.
const MANY: u64 = 700;

/// Runs a future on an executor.
fn run<F: Future>(executor: &str, future: F) -> F::Output {
    match executor {
        "tokio" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(future)
        }
        "smol" => smol::block_on(future),
        _ => block_on(future),
    }
}

/// An executor by hand.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> S::Item {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await.expect("it has no end")
}

/// What any of these links brings, first come, first served.
async fn any(links: &mut [Link<Hot<Checked>>]) -> (usize, bus::Result<Update<Checked>>) {
    poll_fn(|context| {
        for (index, link) in links.iter_mut().enumerate() {
            if let Poll::Ready(Some(update)) = Pin::new(link).poll_next(context) {
                return Poll::Ready((index, update));
            }
        }
        Poll::Pending
    })
    .await
}

/// Follows what it is told to, in one task, and says what comes.
fn follower(test: &mut Test) {
    let (executor, target) = (test.hear(), test.hear());
    let bus = test.bus();
    run(&executor, async {
        let topic = bus.connect::<Checked>(ADDRESS).open_async().await.unwrap();
        let mut links = Vec::new();
        match &*target {
            "each" => {
                for item in 0..LINKS {
                    links.push(topic.advise(&item.to_string()).hot_async().await.unwrap());
                }
            }
            all => links.push(topic.advise(all).hot_async().await.unwrap()),
        }
        test.say(proc::thread());
        loop {
            match any(&mut links).await {
                (_, Ok(update)) => {
                    let (item, number) = update.value.check();
                    test.say(format!("{item} {number}{}", if update.gap { " gap" } else { "" }));
                }
                (_, Err(Error::Stale { reason, .. })) => test.say(format!("{reason:?}")),
                (_, Err(error)) => panic!("{error}"),
            }
        }
    })
}

fn start(place: &Place, executor: &str, target: &str) -> (Process, i32) {
    let mut follower = place.start("follower");
    follower.say(executor);
    follower.say(target);
    let thread = follower.hear_number();
    (follower, thread)
}

fn await_sleep(follower: &Process, thread: i32) {
    until("its executor sleeps", || {
        proc::sleeps_in_poll(follower.pid(), thread) || proc::sleeps_on_futex(follower.pid(), thread)
    });
}

#[test]
fn one_task_is_woken_by_each_of_hundreds_of_links() {
    let mut random = Random::seeded();
    let place = Place::new();
    for executor in EXECUTORS {
        let mut publisher = Publisher::start(&place, SETUP);
        let (mut follower, thread) = start(&place, executor, "each");
        let start = Instant::now();
        let mut counts = vec![0; LINKS as usize];
        for _ in 0..MANY {
            await_sleep(&follower, thread);
            let item = random.below(LINKS as usize);
            publisher.publish(item as u64, 1);
            counts[item] += 1;
            follower.await_line(&format!("{item} {}", counts[item]));
        }
        assert!(start.elapsed() < LIMIT, "not by wake-ups");
    }
}

#[test]
fn a_death_and_a_return_wake_a_task() {
    let place = Place::new();
    let setup = Setup { items: 1, ..SETUP };
    for executor in EXECUTORS {
        for target in ["0", "*"] {
            let mut publisher = Publisher::start(&place, setup);
            let (mut follower, thread) = start(&place, executor, target);
            for _ in 0..3 {
                await_sleep(&follower, thread);
                publisher.process.kill();
                follower.await_line(&format!("{:?}", Ended::Died));
                await_sleep(&follower, thread);
                publisher = Publisher::start(&place, setup);
                publisher.publish(0, 1);
                follower.await_line("0 1 gap");
                await_sleep(&follower, thread);
                publisher.publish(0, 1);
                follower.await_line("0 2");
            }
            // The doorbells came back with the service.
            let start = Instant::now();
            for number in 3..MANY {
                await_sleep(&follower, thread);
                publisher.publish(0, 1);
                follower.await_line(&format!("0 {number}"));
            }
            assert!(start.elapsed() < LIMIT, "not by wake-ups");
        }
    }
}

/// Gives the turn to others so many times, and is ready then.
async fn turns(mut turns: usize) {
    poll_fn(|context| {
        if turns == 0 {
            return Poll::Ready(());
        }
        turns -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The output of whichever is ready first; the other is dropped, polled or not.
async fn race<F: Future>(future: F, other: impl Future<Output = ()>) -> Option<F::Output> {
    let (mut future, mut other) = (pin!(future), pin!(other));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => other.as_mut().poll(context).map(|()| None),
    })
    .await
}

#[test]
fn nothing_is_lost_by_what_is_cancelled() {
    const LAST: u64 = 30_000;
    let mut random = Random::seeded();
    let place = Place::new();
    for executor in EXECUTORS {
        let mut publisher = Publisher::start(&place, Setup { items: 1, ..SETUP });
        let topic = connect(&place.bus());
        let mut link = topic.advise("0").hot().unwrap();
        let mut account = Account::default();
        publisher.begin_publish(0, LAST);
        let mut cancelled = 0;
        run(executor, async {
            while account.of(0).last < LAST {
                match race(link.recv_async(), turns(random.below(3))).await {
                    Some(update) => account.enter(&update.unwrap()),
                    None => cancelled += 1,
                }
            }
        });
        publisher.done();
        assert!(cancelled > 0, "the test cancels something");
        let entry = account.of(0);
        assert_eq!((entry.delivered + entry.missed, entry.last), (LAST, LAST));
    }
}

#[test]
fn select_and_timeouts_of_tokio_lose_nothing() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { items: 2, ..SETUP });
    let topic = connect(&place.bus());
    let mut links = ["0", "1"].map(|item| topic.advise(item).hot().unwrap());
    let mut account = Account::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let [first, second] = &mut links;
        for round in 1..=200 {
            let short = Duration::from_micros(round * 7 % 300);
            assert!(tokio::time::timeout(short, first.recv_async()).await.is_err(), "nothing was published");
            publisher.begin_publish(0, 1);
            publisher.begin_publish(1, 1);
            while account.of(0).last + account.of(1).last < 2 * round {
                tokio::select! {
                    update = first.recv_async() => account.enter(&update.unwrap()),
                    update = second.recv_async() => account.enter(&update.unwrap()),
                    () = tokio::time::sleep(short) => {}
                }
            }
            publisher.done();
            publisher.done();
        }
        // A task of its own, on another thread.
        let [mut first, _] = links;
        let task = tokio::spawn(async move { first.recv_async().await.unwrap().seq });
        publisher.publish(0, 1);
        assert_eq!(task.await.unwrap(), 201);
    });
}

/// Counts who has it.
struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn what_is_dropped_leaves_no_waker() {
    let place = Place::new();
    let publisher = Publisher::start(&place, Setup { items: 1, ..SETUP });
    let bus = place.bus();
    let topic = connect(&bus);
    let mut link = topic.advise("0").hot().unwrap();
    let mut watch = bus.watch().unwrap();
    while watch.try_recv().unwrap().is_some() {}
    let counted = Arc::new(Counted);
    let waker = Waker::from(counted.clone());
    let mut context = Context::from_waker(&waker);
    let alone = Arc::strong_count(&counted);
    let mut polled = |future: Pin<&mut dyn Future<Output = ()>>| {
        assert!(future.poll(&mut context).is_pending());
        assert!(Arc::strong_count(&counted) > alone, "it waits");
    };
    for _ in 0..100 {
        polled(pin!(async { drop(link.recv_async().await) }));
        assert_eq!(Arc::strong_count(&counted), alone);
        polled(pin!(async { drop(watch.recv_async().await) }));
        assert_eq!(Arc::strong_count(&counted), alone);
        let elsewhere = bus.connect::<Checked>("nowhere/topic").wait(LIMIT);
        polled(pin!(async { drop(elsewhere.open_async().await) }));
        assert_eq!(Arc::strong_count(&counted), alone);
        polled(pin!(async { drop(topic.advise("none").wait(LIMIT).hot_async().await) }));
        assert_eq!(Arc::strong_count(&counted), alone);
    }
    let mut publisher = publisher;
    until("the publisher knows of one link only", || publisher.status().links == 1);
    // The stream has no future that could be dropped: its waker goes with the link.
    assert!(Pin::new(&mut link).poll_next(&mut Context::from_waker(&waker)).is_pending());
    assert!(Arc::strong_count(&counted) > alone);
    drop(link);
    assert_eq!(Arc::strong_count(&counted), alone);
    until("the publisher has forgotten the link", || publisher.status().links == 0);
}

#[test]
fn connects_and_questions_wait_without_a_thread() {
    let place = Place::new();
    for executor in EXECUTORS {
        let bus = place.bus();
        run(executor, async {
            let Err(Error::NoSuchService { .. }) = bus.connect::<Checked>(ADDRESS).open_async().await else {
                panic!("there is none")
            };
            let short = Duration::from_millis(20);
            let start = Instant::now();
            let error = bus.connect::<Checked>(ADDRESS).wait(short).open_async().await.unwrap_err();
            assert!(matches!(error, Error::Timeout { verb: "connect", .. }), "{error}");
            assert!(start.elapsed() >= short);
            let mut process = None;
            let connect = bus.connect::<Checked>(ADDRESS).wait(LIMIT);
            let mut open = pin!(connect.open_async());
            let topic = poll_fn(|context| {
                let polled = open.as_mut().poll(context);
                process.get_or_insert_with(|| Publisher::start(&place, Setup { items: 1, ..SETUP }));
                polled
            })
            .await
            .unwrap();
            let mut publisher = process.unwrap();
            let error = topic.item_async("none").await.unwrap_err();
            assert!(matches!(error, Error::NoSuchItem { .. }), "{error}");
            let error = topic.advise("none").hot_async().await.unwrap_err();
            assert!(matches!(error, Error::NoSuchItem { .. }), "{error}");
            let error = topic.advise("5").wait(short).warm_async().await.unwrap_err();
            assert!(matches!(error, Error::Timeout { verb: "advise", .. }), "{error}");
            let mut warm = pin!(topic.advise("5").wait(LIMIT).warm_async());
            let mut published = false;
            let mut warm = poll_fn(|context| {
                let polled = warm.as_mut().poll(context);
                if !core::mem::replace(&mut published, true) {
                    publisher.publish(5, 1);
                }
                polled
            })
            .await
            .unwrap();
            assert_eq!(warm.recv_async().await.unwrap().seq, 1);
            publisher.publish(6, 2);
            assert_eq!(topic.request_async("6").await.unwrap().seq, 2);
            assert_eq!(topic.item_async("6").await.unwrap().name(), "6");
        });
    }
}

#[test]
fn services_are_watched_as_a_stream() {
    let place = Place::new();
    for executor in EXECUTORS {
        let mut watch = place.bus().watch().unwrap();
        let mut publisher: Option<Publisher> = None;
        run(executor, async {
            for round in 0..10 {
                let event = {
                    let mut next = pin!(next(&mut watch));
                    let mut changed = false;
                    poll_fn(|context| {
                        let polled = next.as_mut().poll(context);
                        if !core::mem::replace(&mut changed, true) {
                            match publisher.take() {
                                None => {
                                    publisher = Some(Publisher::start(&place, Setup { items: 1, ..SETUP }))
                                }
                                Some(mut publisher) => publisher.process.kill(),
                            }
                        }
                        polled
                    })
                    .await
                    .unwrap()
                };
                match event {
                    ServiceEvent::Appeared(info) if round % 2 == 0 => assert_eq!(info.name, "service"),
                    ServiceEvent::Vanished(info) if round % 2 == 1 => assert_eq!(info.name, "service"),
                    other => panic!("{other:?} in round {round}"),
                }
            }
        });
    }
}

/// Uses everything that waits, and counts its threads.
fn counter(test: &mut Test) {
    let bus = test.bus();
    let mut watch = bus.watch().unwrap();
    let topic = connect(&bus);
    let mut link = topic.advise("0").hot().unwrap();
    let before = proc::threads();
    block_on(async {
        assert!(matches!(next(&mut watch).await, Ok(ServiceEvent::Appeared(_))));
        let other = bus.connect::<Checked>(ADDRESS).open_async().await.unwrap();
        let mut all = other.advise("*").hot_async().await.unwrap();
        test.say("waits");
        assert_eq!(link.recv_async().await.unwrap().seq, 1);
        assert_eq!(all.recv_async().await.unwrap().seq, 1);
        assert!(race(link.recv_async(), turns(3)).await.is_none());
    });
    test.say(format!("{before} {}", proc::threads()));
}

#[test]
fn no_thread_is_started_for_tasks() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { items: 1, ..SETUP });
    let mut counter = place.start("counter");
    counter.await_line("waits");
    publisher.publish(0, 1);
    let threads = counter.hear();
    let (before, after) = threads.split_once(' ').unwrap();
    assert_eq!(before, after);
    counter.finish();
}

#[test]
fn the_last_handle_may_go_with_a_task_that_the_bus_itself_drops() {
    /// A task that goes when it is woken, and all that it has with it.
    struct Last(Mutex<Option<(Bus, Link<Hot<Checked>>)>>, std::sync::mpsc::Sender<()>);
    impl Wake for Last {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
            self.1.send(()).unwrap();
        }
    }
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { items: 1, ..SETUP });
    let bus = place.bus();
    let link = connect(&bus).advise("0").hot().unwrap();
    let (sender, woken) = std::sync::mpsc::channel();
    let last = Arc::new(Last(Mutex::new(Some((bus, link))), sender));
    let waker = Waker::from(last.clone());
    if let Some((_, link)) = &mut *last.0.lock().unwrap() {
        assert!(link.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    }
    drop((waker, last));
    publisher.publish(0, 1);
    woken.recv_timeout(LIMIT).unwrap();
    until("the publisher has forgotten this client", || publisher.status().clients == 0);
}

#[test]
fn a_waker_that_panics_harms_nobody() {
    struct Panics(std::sync::mpsc::Sender<()>);
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            self.0.send(()).unwrap();
            panic!("this message is expected");
        }
    }
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { items: 1, ..SETUP });
    let topic = connect(&place.bus());
    let [mut first, mut second] = [(); 2].map(|()| topic.advise("0").hot().unwrap());
    let (sender, woken) = std::sync::mpsc::channel();
    let waker = Waker::from(Arc::new(Panics(sender)));
    assert!(first.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    publisher.publish(0, 1);
    woken.recv_timeout(LIMIT).unwrap();
    assert_eq!(block_on(second.recv_async()).unwrap().seq, 1);
    assert_eq!(first.recv().unwrap().seq, 1);
    // What the control thread does goes on.
    assert_eq!(topic.advise("0").hot().unwrap().recv().unwrap().seq, 1);
}

#[test]
fn a_waker_that_is_replaced_is_dropped_with_no_lock_held() {
    /// A task that has the last handle of another watch, which some other task waits for.
    struct Last(Mutex<Option<Watch>>);
    impl Wake for Last {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
        }
    }
    let place = Place::new();
    let bus = place.bus();
    let [mut watch, mut other] = [(); 2].map(|()| bus.watch().unwrap());
    let nobody = Waker::noop();
    assert!(Pin::new(&mut other).poll_next(&mut Context::from_waker(nobody)).is_pending());
    let (sender, done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let last = Waker::from(Arc::new(Last(Mutex::new(Some(other)))));
        assert!(Pin::new(&mut watch).poll_next(&mut Context::from_waker(&last)).is_pending());
        drop(last);
        assert!(Pin::new(&mut watch).poll_next(&mut Context::from_waker(nobody)).is_pending());
        sender.send(()).unwrap();
    });
    done.recv_timeout(LIMIT).expect("it does not wait for itself");
}

#[test]
fn a_stream_that_is_paused_does_not_turn_in_circles() {
    struct Counts(AtomicU64);
    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { items: 1, ..SETUP });
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    let counts = Arc::new(Counts(AtomicU64::new(0)));
    let waker = Waker::from(counts.clone());
    let mut context = Context::from_waker(&waker);
    assert!(link.poll_recv(&mut context).is_pending());
    link.pause();
    let is_paused = |polled| matches!(polled, Poll::Ready(Err(Error::Paused { .. })));
    assert!(is_paused(link.poll_recv(&mut context)));
    publisher.process.kill();
    until("the link's end is known", || link.ended().is_some());
    until("nothing more comes of it", || {
        let before = counts.0.load(Ordering::Relaxed);
        assert!(is_paused(link.poll_recv(&mut context)));
        counts.0.load(Ordering::Relaxed) == before
    });
    link.resume();
    assert!(matches!(link.poll_recv(&mut context), Poll::Ready(Err(Error::Stale { .. }))));
}

#[test]
fn a_set_is_waited_for_as_a_descriptor_of_tokio() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { items: 2, ..SETUP });
    let topic = connect(&place.bus());
    let mut links = ["0", "1"].map(|item| topic.advise(item).hot().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let start = Instant::now();
    runtime.block_on(async {
        let mut set = WaitSet::new().unwrap();
        for (key, link) in links.iter_mut().enumerate() {
            set.add(link, key).unwrap();
        }
        // SAFETY: a set has one descriptor for life, and closes it.
        let set = unsafe { AsyncFd::register_with_interest(set, tokio::io::Interest::READABLE) };
        let mut set = set.unwrap();
        for round in 1..=MANY {
            publisher.begin_publish(round % 2, 1);
            'waits: loop {
                let mut guard = set.readable_mut().await.unwrap();
                let ready = guard.get_inner_mut().wait_timeout(Duration::ZERO).unwrap();
                if ready.is_empty() {
                    guard.clear_ready();
                }
                for key in ready {
                    if let Some(update) = links[key].try_recv().unwrap() {
                        assert_eq!((key as u64, update.seq), (round % 2, round.div_ceil(2)));
                        break 'waits;
                    }
                }
            }
            publisher.done();
        }
    });
    assert!(start.elapsed() < LIMIT, "not by wake-ups");
}

#[test]
fn futures_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    fn check(bus: &Bus, topic: &Conversation<Checked>, link: &mut Link<Hot<Checked>>, watch: &mut Watch) {
        is_send(&bus.connect::<Checked>(ADDRESS).open_async());
        is_send(&topic.advise("0").hot_async());
        is_send(&topic.advise("0").warm_async());
        is_send(&topic.item_async("0"));
        is_send(&topic.request_async("0"));
        is_send(&link.recv_async());
        is_send(link);
        is_send(&watch.recv_async());
    }
    // Compiled is proven.
    let _ = check;
    fn unpin<T: Unpin>() {}
    unpin::<Link<Hot<Checked>>>();
    unpin::<Watch>();
    let _: fn(&mut RemoteItem<Checked>) -> bus::Result<Update<Checked>> = RemoteItem::request;
}
