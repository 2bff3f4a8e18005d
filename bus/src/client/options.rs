//! What a link may be asked for besides values: which of them, how often, from what change on.
//!
//! All of it is done on the reader's side, when it looks: the publisher knows nothing of it and pays nothing for it,
//! and a link without options looks as if there were none ([`gate`](super::gate) is the mechanism). Options are named
//! when a link is advised, on the [`AdviseBuilder`](crate::AdviseBuilder), or changed later by
//! [`Link::update`](crate::Link::update) with an [`Options`]; both have the same methods, which are declared here
//! once. What is not named stays as it is.
//!
//! The order in which they apply, and what becomes of a value:
//!
//! ```text
//! history ─► queue(n) / latest ─► filter ─► interval: the newest of each item ─► deadband ─► once ─► delivered
//!     └── overwritten ──┴─ missed    └──────────────────┴── suppressed ─────────────┘
//! ```
//!
//! Every value is accounted for once. A link with an interval delivers samples, so that whatever lies between two is
//! suppressed, and nothing missed.

use core::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::deadband::{Band, Deadband};
use crate::error::{Error, Result};
use crate::payload::Payload;

/// A condition on values.
///
/// The mutex is never locked, since a link is read by one thread at a time: it keeps links `Sync` whose filter is not.
pub(crate) struct Filter<T: ?Sized>(Mutex<Accepts<T>>);

type Accepts<T> = Box<dyn Fn(&T) -> bool + Send>;

impl<T: ?Sized> Filter<T> {
    pub(crate) fn new(accepts: impl Fn(&T) -> bool + Send + 'static) -> Self {
        Filter(Mutex::new(Box::new(accepts)))
    }

    pub(crate) fn accepts(&mut self, value: &T) -> bool {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)(value)
    }
}

/// Options of a link, to change on it; see [`Link::update`](crate::Link::update). What is not named stays as it is.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("thermometer")?;
/// # let topic = service.topic::<f64>("rooms").open()?;
/// # let kitchen = topic.item("kitchen")?;
/// # service.ready()?;
/// use bus::{Deadband, Options};
///
/// let rooms = bus.connect::<f64>("thermometer/rooms").open()?;
/// let mut link = rooms.advise("kitchen").deadband(Deadband::Absolute(0.5)).hot()?;
/// for degrees in [20.0, 20.4, 20.6] {
///     kitchen.publish(&degrees)?;
/// }
/// assert_eq!(link.recv()?.value, 20.0);
/// let update = link.recv()?;
/// assert_eq!((update.value, update.missed, update.suppressed), (20.6, 0, 1));
///
/// link.update(Options::new().without_deadband().latest())?;
/// kitchen.publish(&20.7)?;
/// assert_eq!(link.recv()?.value, 20.7);
/// # Ok(())
/// # }
/// ```
#[must_use = "options do nothing until a link has them"]
pub struct Options<T: ?Sized> {
    pub(crate) mode: Option<Mode>,
    pub(crate) interval: Option<Duration>,
    pub(crate) band: Change<Box<dyn Band<T>>>,
    pub(crate) filter: Change<Filter<T>>,
    pub(crate) once: Option<bool>,
    pub(crate) data_on_stop: Option<bool>,
}

/// Which values a link is asked to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All, or the newest so many.
    Queue(Option<usize>),
    Latest,
}

/// What becomes of an option.
pub(crate) enum Change<O> {
    Keep,
    Drop,
    Set(O),
}

impl<O> Change<O> {
    fn is_keep(&self) -> bool {
        matches!(self, Change::Keep)
    }

    /// This one, and where it keeps what there is, what was to become of it `before`.
    fn or(self, before: Self) -> Self {
        if self.is_keep() { before } else { self }
    }

    /// Changes the present one.
    pub(crate) fn apply(self, present: &mut Option<O>) {
        match self {
            Change::Keep => {}
            Change::Drop => *present = None,
            Change::Set(new) => *present = Some(new),
        }
    }
}

/// The methods of options about values, which are the same wherever options are named: `$options` are the fields that lead
/// to them.
macro_rules! value_methods {
    ($($options:ident).*) => {
        /// Delivers every value in order, while this link is at most so many behind; of what is more the oldest are
        /// passed over, and counted in [`Update::missed`](crate::Update::missed). Of a link to several items, so many
        /// behind in each. At least 1, and at most the topic's history; without this, the whole history.
        pub fn queue(mut self, values: usize) -> Self {
            self.$($options.)*mode = Some($crate::client::options::Mode::Queue(Some(values)));
            self
        }

        /// Delivers every value that is still in the item's history, in order, and counts those that are not in
        /// [`Update::missed`](crate::Update::missed). The default of hot links.
        pub fn queue_all(mut self) -> Self {
            self.$($options.)*mode = Some($crate::client::options::Mode::Queue(None));
            self
        }

        /// Delivers always the newest value, and counts those passed over in
        /// [`Update::missed`](crate::Update::missed). Warm links always do this.
        pub fn latest(mut self) -> Self {
            self.$($options.)*mode = Some($crate::client::options::Mode::Latest);
            self
        }

        /// Delivers only what `accepts` accepts; what it refuses is counted in
        /// [`Update::suppressed`](crate::Update::suppressed). It is called for values that this link looks at, on the
        /// thread that receives: of a `latest` link those are not all.
        pub fn filter(mut self, accepts: impl Fn(&T) -> bool + Send + 'static) -> Self {
            self.$($options.)*filter = $crate::client::options::Change::Set($crate::client::options::Filter::new(accepts));
            self
        }

        /// Without a [`filter`](Self::filter), which is the default.
        pub fn without_filter(mut self) -> Self {
            self.$($options.)*filter = $crate::client::options::Change::Drop;
            self
        }

        /// Delivers only values that differ by more than the deadband from the last one delivered, where messages are
        /// numbers. What does not is counted in [`Update::suppressed`](crate::Update::suppressed). The first value passes,
        /// also after this was changed; so does the first of a new life of the service, and one with another mark.
        pub fn deadband(mut self, deadband: $crate::Deadband) -> Self
        where
            T: $crate::Number,
        {
            let band = $crate::client::deadband::band(deadband, |value: &T| *value);
            self.$($options.)*band = $crate::client::options::Change::Set(band);
            self
        }

        /// As [`deadband`](Self::deadband), on a number in the message.
        pub fn deadband_of<N: $crate::Number>(
            mut self,
            field: $crate::Field<T, N>,
            deadband: $crate::Deadband,
        ) -> Self
        where
            T: $crate::Message,
        {
            let band = $crate::client::deadband::band(deadband, move |value: &T| *field.of(value));
            self.$($options.)*band = $crate::client::options::Change::Set(band);
            self
        }

        /// Without a [`deadband`](Self::deadband), which is the default.
        pub fn without_deadband(mut self) -> Self {
            self.$($options.)*band = $crate::client::options::Change::Drop;
            self
        }
    };
}
pub(crate) use value_methods;

/// As [`value_methods`], of the options that are no matter of what a link delivers.
macro_rules! link_methods {
    ($($options:ident).*) => {
        /// Delivers an item at most once in so much time: when it is over, the newest value that there is then, so that
        /// the last value always arrives. The first one comes at once, and when the service goes, so does the last. A
        /// receive, a wait set or a task sleeps meanwhile, and the publisher does not wake it. Zero: no interval, which is the default.
        ///
        /// What comes between two deliveries is counted in [`Update::suppressed`](crate::Update::suppressed). A link to
        /// several items delivers them in rounds: each that has changed once, and then the interval begins.
        pub fn interval(mut self, interval: ::std::time::Duration) -> Self {
            self.$($options.)*interval = Some(interval);
            self
        }

        /// Delivers one update, and with it the link is done: the service is told, what a receive says then is
        /// [`Error::Closed`](crate::Error::Closed), and as an iterator the link ends.
        pub fn once(mut self) -> Self {
            self.$($options.)*once = Some(true);
            self
        }

        /// Whether a link that is stopped ([`Link::stop`](crate::Link::stop)) still delivers of each item the newest value
        /// that it has not delivered: whatever interval and deadband held back. Default: no.
        pub fn data_on_stop(mut self, data: bool) -> Self {
            self.$($options.)*data_on_stop = Some(data);
            self
        }
    };
}
pub(crate) use link_methods;

impl<T: Payload + ?Sized> Options<T> {
    value_methods!();
}

impl<T: ?Sized> Options<T> {
    link_methods!();
}

impl<T: ?Sized> Options<T> {
    /// None named yet.
    pub fn new() -> Self {
        Options {
            mode: None,
            interval: None,
            band: Change::Keep,
            filter: Change::Keep,
            once: None,
            data_on_stop: None,
        }
    }

    /// These, and what `later` ones name.
    pub(crate) fn and(self, later: Options<T>) -> Self {
        Options {
            mode: later.mode.or(self.mode),
            interval: later.interval.or(self.interval),
            band: later.band.or(self.band),
            filter: later.filter.or(self.filter),
            once: later.once.or(self.once),
            data_on_stop: later.data_on_stop.or(self.data_on_stop),
        }
    }

    /// Which of them are named.
    pub(crate) fn named(&self) -> [bool; 6] {
        let Options { mode, interval, band, filter, once, data_on_stop } = self;
        [
            mode.is_some(),
            interval.is_some(),
            !band.is_keep(),
            !filter.is_keep(),
            once.is_some(),
            data_on_stop.is_some(),
        ]
    }

    /// Whether it can be served, by a topic with so much history if that is known.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub(crate) fn check(&self, history: Option<u64>) -> Result<()> {
        if let Some(Mode::Queue(Some(values))) = self.mode
            && (values == 0 || history.is_some_and(|history| values as u64 > history))
        {
            return Err(Error::InvalidOption {
                option: "queue",
                found: values.to_string(),
                expected: match history {
                    None => "at least 1".to_owned(),
                    Some(history) => format!("1 to {history}, the topic's history"),
                },
            });
        }
        match &self.band {
            Change::Set(band) => band.width().check(),
            Change::Keep | Change::Drop => Ok(()),
        }
    }

    /// Whether it can be served by a link that is lossless, or that is not.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub(crate) fn check_lossless(&self, lossless: bool) -> Result<()> {
        let option = match (&self.mode, self.interval) {
            (Some(Mode::Queue(_)), _) => "queue",
            (Some(Mode::Latest), _) => "latest",
            (None, Some(interval)) if !interval.is_zero() => "interval",
            (None, _) => return Ok(()),
        };
        if !lossless {
            return Ok(());
        }
        Err(Error::InvalidOption {
            option,
            found: "set on a lossless link".to_owned(),
            expected: "a link for which the publisher does not wait: one advised without `lossless`"
                .to_owned(),
        })
    }

    /// The same for a link without values.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where an option is named that is about values.
    pub(crate) fn for_warm(self) -> Result<Options<()>> {
        let Options { mode, interval, band, filter, once, data_on_stop } = self;
        let about_values = [
            ("queue", matches!(mode, Some(Mode::Queue(_)))),
            ("deadband", !band.is_keep()),
            ("filter", !filter.is_keep()),
        ];
        if let Some((option, _)) = about_values.into_iter().find(|(_, named)| *named) {
            return Err(Error::InvalidOption {
                option,
                found: "set on a warm link".to_owned(),
                expected: "a hot link, since a warm one tells of the newest value without it".to_owned(),
            });
        }
        Ok(Options { interval, once, data_on_stop, ..Options::new() })
    }
}

impl<T: ?Sized> Default for Options<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: ?Sized> fmt::Debug for Options<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { mode, interval, band, filter, once, data_on_stop } = self;
        f.debug_struct("Options")
            .field("mode", mode)
            .field("interval", interval)
            .field("deadband", &Named(band))
            .field("filter", &Named(filter))
            .field("once", once)
            .field("data_on_stop", data_on_stop)
            .finish()
    }
}

struct Named<'o, O>(&'o Change<O>);

impl<O> fmt::Debug for Named<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Change::Keep => "as it is",
            Change::Drop => "none",
            Change::Set(_) => "set",
        })
    }
}

/// Which values a link delivers, as [`Granted`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryMode {
    /// Every value, while the link is at most so many behind.
    Queue {
        /// So many: at most the topic's history.
        values: usize,
    },
    /// Always the newest.
    Latest,
    /// Every value: the publisher waits.
    Lossless,
}

/// What a link has, as it was asked for and as the topic can give it; see [`Link::granted`](crate::Link::granted).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Granted {
    /// Values that each item keeps: how far behind a link may fall before it loses one. 0 while the service is gone.
    pub history: usize,
    /// Whether values carry the time of their publish.
    pub stamps: bool,
    /// Which values are delivered. A service that returned with less history has revised the number asked for.
    pub delivery: DeliveryMode,
    /// The shortest time between two deliveries of an item; zero if there is none.
    pub interval: Duration,
    /// How large a change has to be.
    pub deadband: Option<Deadband>,
    /// Whether there is a filter.
    pub filter: bool,
    /// Whether the first update is the last.
    pub once: bool,
    /// Whether stopping it delivers what was held back.
    pub data_on_stop: bool,
    /// Whether it is paused.
    pub paused: bool,
}
