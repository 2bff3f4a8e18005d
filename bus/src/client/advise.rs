//! Setting up links: what to follow, what to deliver, how to wait.

use std::sync::Arc;
use std::time::Duration;

use super::boxed::Boxed;
use super::control::Command;
use super::conversation::{Conversation, DEFAULT_TIMEOUT};
use super::conversation_state::ConversationHandle;
use super::deliver::{Deliver, Hot, Samples, Warm};
use super::link::Link;
use super::link_state::{LinkShared, Target};
use super::options::{Options, link_methods, value_methods};
use super::reader::{Delivery, Start};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::payload::Payload;
use crate::sys::processors;

/// How a blocking receive waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Looks all the time: the lowest latency, at the price of a processor.
    Spin,
    /// Looks for some microseconds, then sleeps. For how many, each link learns from its waits: about twice as long as
    /// they last, at most 50 µs, and not at all where they last longer than that. It sleeps at once on a machine with one
    /// processor, and where this thread and the publisher's process may run on one and the same only.
    #[default]
    SpinThenPark,
    /// Sleeps at once: the least processor time.
    Park,
}

/// A link that is being set up.
#[derive(Debug)]
#[must_use = "a link begins by `hot` or `warm`"]
pub struct AdviseBuilder<'c, T: ?Sized> {
    conversation: &'c Conversation<T>,
    target: Target,
    lossless: Option<Duration>,
    options: Options<T>,
    samples: u32,
    start: Start,
    wait: Wait,
    appear: Option<Duration>,
}

impl<'c, T: Payload + ?Sized> AdviseBuilder<'c, T> {
    pub(crate) fn new(conversation: &'c Conversation<T>, target: Target) -> Self {
        AdviseBuilder {
            conversation,
            target,
            lossless: None,
            options: Options::new(),
            samples: 0,
            start: Start::Present,
            wait: Wait::default(),
            appear: None,
        }
    }

    value_methods!(options);
    link_methods!(options);

    /// Delivers every value, and has the publisher wait with those that would overwrite what this link has not
    /// received, where the topic [grants](crate::TopicBuilder::lossless) that. A link that receives nothing at all for
    /// `deadline` while the publisher waits is ended: it still delivers what is there, then fails once with
    /// [`Error::Evicted`](crate::Error::Evicted), and is at its end. The topic may grant less than `deadline`. Not together
    /// with [`queue`](Self::queue), [`latest`](Self::latest) or an [`interval`](Self::interval).
    ///
    /// A link to several items follows the topic's [journal](crate::TopicBuilder::journal), so its publisher waits for it also
    /// before the journal's oldest entry is overwritten, whichever item that is of; and for the present values with which it
    /// begins.
    ///
    /// Where the connection is lost and the service lives, the publisher does not wait for the link until it is back; from then
    /// on what it has not read is kept again, as far as it is still there, and the rest is counted as missed.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("ledger")?;
    /// # service.ready()?;
    /// use std::time::Duration;
    ///
    /// let entries = service.topic::<u64>("entries").history(2).lossless(Duration::from_secs(5)).open()?;
    /// let book = entries.item("book")?;
    ///
    /// let ledger = bus.connect::<u64>("ledger/entries").open()?;
    /// let mut link = ledger.advise("book").lossless(Duration::from_secs(1)).hot()?;
    /// book.publish(&1)?;
    /// book.publish(&2)?;
    /// assert!(book.try_publish(&3).is_err(), "the link has not read 1");
    /// assert_eq!((link.recv()?.value, link.recv()?.value), (1, 2));
    /// book.publish(&3)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn lossless(mut self, deadline: Duration) -> Self {
        self.lossless = Some(deadline);
        self
    }

    /// Whether to begin with the present value, at once and even if the publisher is silent, or with the
    /// next one. Default: yes.
    pub fn prime(mut self, prime: bool) -> Self {
        self.start = if prime { Start::Present } else { Start::Next };
        self
    }

    /// How receives wait. Default: [`Wait::SpinThenPark`].
    pub fn strategy(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// Waits up to `timeout` for the item to appear, instead of failing at once where it does not exist.
    pub fn wait(mut self, timeout: Duration) -> Self {
        self.appear = Some(timeout);
        self
    }

    /// A link that delivers notices that items changed, without values. Each stands for all changes since
    /// the one before.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("thermometer")?;
    /// # let rooms = service.topic::<f64>("rooms").open()?;
    /// # let kitchen = rooms.item("kitchen")?;
    /// # let bath = rooms.item("bath")?;
    /// # kitchen.publish(&21.5)?;
    /// # service.ready()?;
    /// let rooms = bus.connect::<f64>("thermometer/rooms").open()?;
    /// let mut changes = rooms.advise("kitchen").prime(false).warm()?;
    /// kitchen.publish(&22.0)?;
    /// kitchen.publish(&22.5)?;
    /// assert_eq!(changes.recv()?.missed, 1); // one notice stands for both
    /// assert_eq!(rooms.request("kitchen")?.value, 22.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub fn warm(mut self) -> Result<Link<Warm>> {
        let options = core::mem::take(&mut self.options).for_warm()?;
        self.lossless = None;
        self.open(true, options)
    }

    /// As [`warm`](Self::warm), without blocking a thread. Dropping the future gives the advise up.
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub async fn warm_async(mut self) -> Result<Link<Warm>> {
        let options = core::mem::take(&mut self.options).for_warm()?;
        self.lossless = None;
        self.open_async(true, options).await
    }

    /// A link that delivers values where they are, without a copy, and may hold `count` of them at once: for large
    /// messages, of topics that [grant](crate::TopicBuilder::samples) it. A [`Sample`](crate::Sample) can be kept as long
    /// as one likes, cloned, and sent to other threads; while `count` of them are kept and there is another value, receives
    /// of every kind fail at once with [`Error::HoldsAll`](crate::Error::HoldsAll), and what is published meanwhile is
    /// delivered or counted as missed later. Nothing waits for a sample to go: let go of one before receiving again. In a
    /// [`WaitSet`](crate::WaitSet) such a link is ready all the while, so take it out or add it by
    /// [`add_edge`](crate::WaitSet::add_edge). What the link's options keep back, an [`interval`](Self::interval) or
    /// [`data_on_stop`](Self::data_on_stop), is kept too.
    ///
    /// A sample's safety rests on its publisher, which could change the memory: hold only what comes from programs that
    /// you trust as much as your own.
    ///
    /// # Errors
    /// As [`hot`](Self::hot); [`Error::Refused`](crate::Error::Refused) where the topic grants none, or not so many.
    pub fn samples(mut self, count: usize) -> Result<Link<Samples<T>>> {
        self.samples = check_samples(count)?;
        let options = core::mem::take(&mut self.options);
        self.open(false, options)
    }

    /// As [`samples`](Self::samples), without blocking a thread. Dropping the future gives the advise up.
    ///
    /// # Errors
    /// As [`samples`](Self::samples).
    pub async fn samples_async(mut self, count: usize) -> Result<Link<Samples<T>>> {
        self.samples = check_samples(count)?;
        let options = core::mem::take(&mut self.options);
        self.open_async(false, options).await
    }

    /// A link that delivers values in boxes: for slices, which have no fixed size, and for messages that are too large for a
    /// stack. Each is copied into memory of its own; [`samples`](Self::samples) copies nothing.
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub fn boxed(mut self) -> Result<Link<Boxed<T>>> {
        let options = core::mem::take(&mut self.options);
        self.open(false, options)
    }

    /// As [`boxed`](Self::boxed), without blocking a thread. Dropping the future gives the advise up.
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub async fn boxed_async(mut self) -> Result<Link<Boxed<T>>> {
        let options = core::mem::take(&mut self.options);
        self.open_async(false, options).await
    }

    fn open<D: Deliver>(self, warm: bool, options: Options<D::Value>) -> Result<Link<D>> {
        let (mut link, limit) = self.begin(warm, &options)?;
        link.attach(limit)?;
        link.update(options)?;
        Ok(link)
    }

    async fn open_async<D: Deliver>(self, warm: bool, options: Options<D::Value>) -> Result<Link<D>> {
        let (mut link, limit) = self.begin(warm, &options)?;
        link.attach_async(limit).await?;
        link.update(options)?;
        Ok(link)
    }

    /// Asks the service for the link; also how long to wait for its answer.
    fn begin<D: Deliver>(self, warm: bool, options: &Options<D::Value>) -> Result<(Link<D>, Duration)> {
        options.check(None)?;
        options.check_lossless(self.lossless.is_some())?;
        self.target.check()?;
        let AdviseBuilder { conversation, target, lossless, samples, start, wait, appear, .. } = self;
        let terms = LinkTerms { target, warm, lossless, samples, appear: appear.is_some(), wait, life: None };
        Ok((terms.begin(conversation.handle.clone(), start), appear.unwrap_or(DEFAULT_TIMEOUT)))
    }
}

/// How many samples a link may hold.
///
/// # Errors
/// [`Error::InvalidOption`] for none, or more than there can be.
pub(super) fn check_samples(count: usize) -> Result<u32> {
    u32::try_from(count).ok().filter(|&count| count > 0).ok_or_else(|| Error::InvalidOption {
        option: "samples",
        found: count.to_string(),
        expected: "at least 1, and at most what the topic grants".to_owned(),
    })
}

/// What is asked of a service for a link, or of several for one link each.
#[derive(Debug, Clone)]
pub(super) struct LinkTerms {
    pub(super) target: Target,
    pub(super) warm: bool,
    pub(super) lossless: Option<Duration>,
    pub(super) samples: u32,
    /// Whether an item that is not there is waited for.
    pub(super) appear: bool,
    pub(super) wait: Wait,
    /// The one life of the service that the link is of, if it is not of whichever there is.
    pub(super) life: Option<u64>,
}

impl LinkTerms {
    /// Asks the service of a conversation, and does not wait for its answer.
    pub(super) fn begin<D: Deliver>(&self, handle: Arc<ConversationHandle>, start: Start) -> Link<D> {
        let delivery = match self.lossless {
            _ if self.warm => Delivery::Latest,
            Some(_) => Delivery::Lossless,
            None => Delivery::Queue,
        };
        let wait =
            if self.wait == Wait::SpinThenPark && processors::only_one() { Wait::Park } else { self.wait };
        let shared = Arc::new(LinkShared::new(
            handle.bus.number(),
            self.target.clone(),
            self.warm,
            self.lossless.filter(|_| !self.warm),
            self.samples,
            self.appear,
            self.life,
        ));
        handle.bus.command(Command::Advise { conversation: handle.shared.clone(), link: shared.clone() });
        Link::new(handle, shared, delivery, start, wait)
    }
}

impl<T: Message> AdviseBuilder<'_, T> {
    /// A link that delivers values.
    ///
    /// # Errors
    /// [`Error::NoSuchItem`](crate::Error::NoSuchItem), [`Error::InvalidName`](crate::Error::InvalidName), [`Error::Refused`](crate::Error::Refused), [`Error::Stale`](crate::Error::Stale) while the service
    /// is gone; [`Error::Timeout`](crate::Error::Timeout) if it does not answer, or the item does not appear in time;
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) where an option cannot be served.
    pub fn hot(mut self) -> Result<Link<Hot<T>>> {
        let options = core::mem::take(&mut self.options);
        self.open(false, options)
    }

    /// As [`hot`](Self::hot), without blocking a thread. Dropping the future gives the advise up.
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub async fn hot_async(mut self) -> Result<Link<Hot<T>>> {
        let options = core::mem::take(&mut self.options);
        self.open_async(false, options).await
    }
}
