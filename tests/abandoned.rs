//! Transactions that are let go at any moment, small and large, by threads, tasks and sets: whoever waits has the answer to what it
//! asked and nobody else's, and in the end every place in the queue is free again.
//!
//! Each command says how it is to be answered: at once, or by another thread. `BUS_TEST_SEED` repeats the choices.

mod support;

use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bus::{Boxed, Client, Error, Message, Outcome, Pending, Reply, Result, WaitSet};
use support::{LIMIT, Place, Random, Test, roles, start_ready, until};

roles!(echoer);

const QUEUE: u64 = 8;
const THREADS: usize = 6;
const TURNS: u64 = 1500;

/// 64 KiB, so that fewer of them are in flight than the queue says.
const WORDS: usize = 1 << 13;
type Page = [u64; WORDS];

/// Comes back.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Echo {
    number: u64,
    later: u64,
}

/// Comes back as each word of a page.
#[derive(Message, Debug, Clone)]
#[message(reply = Page)]
#[repr(C)]
struct Fill {
    words: Page,
}

fn page(number: u64) -> Box<Page> {
    vec![number; WORDS].try_into().unwrap()
}

fn echoer(test: &mut Test) {
    let service = test.bus().service("echoer").unwrap();
    let (defer, deferred) = mpsc::channel::<(u64, Reply<u64>)>();
    let (defer_page, deferred_pages) = mpsc::channel::<(u64, Reply<Page>)>();
    std::thread::scope(|scope| {
        scope.spawn(|| deferred.into_iter().for_each(|(number, reply)| reply.answer(&number)));
        scope.spawn(|| deferred_pages.into_iter().for_each(|(number, reply)| reply.answer(&page(number))));
        let mut handlers = service.handlers::<()>().unwrap();
        handlers.queue(QUEUE as u32).unwrap();
        handlers
            .execute_later(move |(), echo: &Echo, _, reply| match echo.later {
                0 => reply.answer(&echo.number),
                _ => defer.send((echo.number, reply)).unwrap(),
            })
            .unwrap();
        handlers
            .execute_later(move |(), fill: &Fill, _, reply| {
                let number = fill.words[0];
                assert!(fill.words.iter().all(|&word| word == number), "parts of two requests");
                match number % 2 {
                    0 => reply.answer(&fill.words),
                    _ => defer_page.send((number, reply)).unwrap(),
                }
            })
            .unwrap();
        service.ready().unwrap();
        test.say("ready");
        handlers.run(&mut ()).unwrap();
    });
}

fn begin_echo(client: &Client, number: u64) -> Result<Pending<u64>> {
    client.begin_execute(&Echo { number, later: number % 2 })
}

fn begin_fill(client: &Client, number: u64) -> Result<Pending<Boxed<Page>>> {
    client.begin_execute_boxed(&Fill { words: [number; WORDS] })
}

/// Waits for it in some way, or lets it go; what was answered.
fn end<R: Outcome>(mut pending: Pending<R>, set: &mut WaitSet<u64>, random: &mut Random) -> Option<R::Value> {
    match random.below(8) {
        0 => None,
        1 => pending.try_wait().unwrap(),
        2 => pending.wait_timeout(Duration::ZERO).unwrap(),
        3 => pending.wait_timeout(Duration::from_micros(random.below(50) as u64)).unwrap(),
        4 => {
            // A task that is polled once.
            let mut pending = pin!(pending);
            match pending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => Some(outcome.unwrap()),
                Poll::Pending => None,
            }
        }
        5 => {
            set.add(&mut pending, 1).unwrap();
            let _ = set.wait_timeout(Duration::ZERO).unwrap();
            pending.try_wait().unwrap()
        }
        6 => {
            set.add(&mut pending, 2).unwrap();
            assert_eq!(set.wait_timeout(LIMIT).unwrap(), [2]);
            Some(pending.try_wait().unwrap().expect("the set says so"))
        }
        _ => Some(pending.wait().unwrap()),
    }
}

/// As many as there may be of a size, all answered: none of their places is lost.
fn check_queue<R: Outcome>(
    begin: impl Fn(u64) -> Result<Pending<R>>,
    room: u64,
    is: impl Fn(u64, R::Value) -> bool,
) {
    until("what was let go is answered", || {
        let begun: Vec<_> = (0..room).map(&begin).collect();
        let all = begun.iter().all(Result::is_ok);
        for (number, begun) in (0..).zip(begun) {
            match begun {
                Ok(pending) => assert!(is(number, pending.wait().unwrap())),
                Err(error) => assert!(matches!(error, Error::Busy { .. }), "{error}"),
            }
        }
        all
    });
}

#[test]
fn whoever_waits_has_the_answer_to_what_it_asked_while_others_let_go() {
    let place = Place::new();
    let _echoer = start_ready(&place, "echoer");
    let client = place.bus().client("echoer").open().unwrap().with_timeout(LIMIT);
    let mut random = Random::seeded();
    std::thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (client, mut random) = (&client, Random::new(random.next()));
            scope.spawn(move || {
                let mut set = WaitSet::new().unwrap();
                for turn in 0..TURNS {
                    let number = thread << 32 | turn << 1 | random.below_u64(2);
                    let is_busy = match random.below(4) {
                        0 => begin_fill(client, number).map(|pending| {
                            let answer = end(pending, &mut set, &mut random);
                            assert!(answer.is_none_or(|answer| answer == page(number)));
                        }),
                        _ => begin_echo(client, number).map(|pending| {
                            let answer = end(pending, &mut set, &mut random);
                            assert!(answer.is_none_or(|answer| answer == number));
                        }),
                    };
                    if let Err(error) = is_busy {
                        assert!(matches!(error, Error::Busy { .. }), "{error}");
                        std::thread::yield_now();
                    }
                }
            });
        }
    });
    check_queue(|number| begin_echo(&client, number), QUEUE, |number, answer| answer == number);
    // Eight of 128 KiB and more are above a mebibyte, so that four are what there is room for.
    check_queue(|number| begin_fill(&client, number), QUEUE / 2, |number, answer| answer == page(number));
}
