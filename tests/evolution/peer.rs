//! What the programs of both versions do: they serve and they read, as the test tells them, each with its own
//! definition of the messages.
//!
//! The line to the test is the standard input, a socket; see `tests/support/process.rs`. One line is one command,
//! and each has one line for an answer.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bus::{
    Bus, Conversation, Deliver, Error, Hot, Item, Link, Message, Notice, Result, Service, Topic, Update, Warm,
};

/// After how long something that has to happen is taken to hang.
const LIMIT: Duration = Duration::from_secs(60);

/// A version of the message.
pub(crate) trait Sample: Message + Debug {
    /// A value that can be told by `number`.
    fn sample(number: u32) -> Self;

    /// The number, if every field that both versions have is of that sample.
    fn number(&self) -> Option<u32>;
}

/// Does what the test says, until it says no more. `others` opens more topics.
pub(crate) fn play<Q: Sample, T: Message + Debug>(others: impl Fn(&Service)) {
    let directory = std::env::var("BUS_TEST_DIRECTORY").expect("the test names a directory");
    let bus = Bus::builder().directory(directory).open("test").unwrap();
    let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().unwrap());
    let mut reader = Reader::<Q>::default();
    let mut say = line.try_clone().unwrap();
    let mut lines = BufReader::new(line).lines().map_while(|line| line.ok());
    while let Some(line) = lines.next() {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[..] {
            // Until it is to close; what it publishes meanwhile are further lines.
            ["serve"] => {
                serve::<Q>(&bus, &mut lines, &mut say, &others);
                "closed".to_owned()
            }
            // A conversation that ends here again.
            ["expect", address] => one_line(bus.connect::<T>(address).open().map(|_| "connected")),
            ["watch", values] => watch::<Q>(&bus, values.parse().unwrap()),
            ["connect"] => one_line(bus.connect::<Q>("market/quotes").open().map(|conversation| {
                reader.conversation = Some(conversation);
                "connected"
            })),
            _ => reader.answer(&words),
        };
        writeln!(say, "{answer}").unwrap();
    }
}

/// A result as one line, whatever an error says.
fn one_line(result: Result<impl ToString>) -> String {
    match result {
        Ok(text) => text.to_string(),
        Err(error) => format!("error: {error}").replace('\n', "\\n"),
    }
}

fn serve<Q: Sample>(
    bus: &Bus,
    lines: &mut impl Iterator<Item = String>,
    say: &mut UnixStream,
    others: &impl Fn(&Service),
) {
    let service = bus.service("market").unwrap();
    let topic: Topic<Q> = service.topic("quotes").open().unwrap();
    let items: HashMap<&str, Item<'_, Q>> = ["a", "b"].map(|name| (name, topic.item(name).unwrap())).into();
    let busy = service.topic("busy").history(2).open().unwrap();
    let busy = busy.item("a").unwrap();
    others(&service);
    service.ready().unwrap();
    writeln!(say, "ready").unwrap();
    for line in lines {
        let Some((item, number)) = line.split_once(' ') else { return service.close() };
        if item == "burst" {
            (1..=number.parse().unwrap()).for_each(|number| {
                busy.publish(&Q::sample(number)).unwrap();
            });
            continue;
        }
        items[item].publish(&Q::sample(number.parse().unwrap())).unwrap();
        writeln!(say, "done").unwrap();
    }
}

/// Reads a value that changes as fast as it can be published, until it is the last; how many were whole.
fn watch<Q: Sample>(bus: &Bus, values: u32) -> String {
    let mut item = bus.connect::<Q>("market/busy").open().unwrap().item("a").unwrap();
    let (mut whole, mut last) = (0, 0);
    while last < values {
        match item.request() {
            Ok(Update { value, seq, .. }) => match value.number() {
                Some(number) if u64::from(number) == seq && number >= last => {
                    last = number;
                    whole += 1;
                }
                _ => return format!("after {last}, value {seq} is {value:?}"),
            },
            Err(Error::NoValue { .. } | Error::Overrun { .. }) => {}
            Err(error) => return error.to_string(),
        }
    }
    format!("whole: {whole}")
}

/// What this program reads from another.
struct Reader<Q: Message> {
    conversation: Option<Conversation<Q>>,
    hot: HashMap<String, Link<Hot<Q>>>,
    warm: Option<Link<Warm>>,
}

impl<Q: Message> Default for Reader<Q> {
    fn default() -> Self {
        Reader { conversation: None, hot: HashMap::new(), warm: None }
    }
}

impl<Q: Sample> Reader<Q> {
    fn answer(&mut self, words: &[&str]) -> String {
        let conversation = self.conversation.as_ref().expect("there is a conversation");
        match *words {
            ["request", item] => {
                let boxed = one_line(conversation.request_boxed(item).map(|update| shown(&update, item)));
                let answer = one_line(conversation.request(item).map(|update| shown(&update, item)));
                assert_eq!(answer, boxed, "a copy in a box is the same");
                answer
            }
            ["advise", "warm", target] => {
                self.warm = Some(conversation.advise(target).warm().unwrap());
                "advised".to_owned()
            }
            ["advise", target] => {
                self.hot.insert(target.to_owned(), conversation.advise(target).hot().unwrap());
                "advised".to_owned()
            }
            ["notice"] => {
                let link = self.warm.as_mut().expect("there is a warm link");
                received(link, |link, Notice { item, seq, gap, .. }| {
                    format!("{} {seq}{} changed", link.name(*item), if *gap { " after a gap" } else { "" })
                })
            }
            ["receive", target] => {
                let link = self.hot.get_mut(target).expect("there is a hot link");
                received(link, |link, update| shown(update, &link.name(update.item)))
            }
            _ => panic!("what is {words:?}?"),
        }
    }
}

/// What a link delivers next.
fn received<D: Deliver>(link: &mut Link<D>, show: impl Fn(&Link<D>, &D::Item) -> String) -> String {
    let item = link.recv_timeout(LIMIT);
    one_line(item.map(|item| show(link, &item)))
}

fn shown<V: std::fmt::Debug>(update: &Update<V>, item: &str) -> String {
    let gap = if update.gap { " after a gap" } else { "" };
    let stale = if update.stale { " stale" } else { "" };
    format!("{item} {}{gap}{stale} {:?}", update.seq, update.value)
}
