//! Setting up a link to all members of a list.
//!
//! Each member has a link of its own, with options of its own; so what is asked for is kept as the
//! [steps](super::merged::Steps) by which they are made.

use core::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::advise::{LinkTerms, Wait, check_samples};
use super::boxed::Boxed;
use super::conversations::ListHandle;
use super::deadband::{Deadband, Number};
use super::deliver::{Deliver, Hot, Samples, Warm};
use super::link_state::Target;
use super::merged::{MergedLink, Steps};
use super::options::Options;
use super::reader::Start;
use crate::error::Result;
use crate::message::{Field, Message};
use crate::payload::Payload;

/// A link to all members of a list that is being set up; see [`Conversations::advise`](crate::Conversations::advise).
///
/// What a single link can be asked for, each member's part can: options are applied to each on its own, and what is a number,
/// of values or of samples, is meant for each. [`once`](Options::once), by way of [`options`](Self::options), delivers one
/// update of each member.
#[must_use = "a link begins by `hot` or `warm`"]
pub struct AdviseAllBuilder<'l, T: ?Sized> {
    list: &'l Arc<ListHandle>,
    target: Target,
    lossless: Option<Duration>,
    steps: Steps<T>,
    start: Start,
    wait: Wait,
}

impl<T: ?Sized> fmt::Debug for AdviseAllBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AdviseAllBuilder { list, target, lossless, steps, start, wait } = self;
        f.debug_struct("AdviseAllBuilder")
            .field("to", &format_args!("{}/{target}", list.address()))
            .field("lossless", lossless)
            .field("options", steps)
            .field("start", start)
            .field("wait", wait)
            .finish()
    }
}

impl<'l, T: Payload + ?Sized> AdviseAllBuilder<'l, T> {
    pub(crate) fn new(list: &'l Arc<ListHandle>, target: Target) -> Self {
        let (start, wait) = (Start::Present, Wait::default());
        AdviseAllBuilder { list, target, lossless: None, steps: Steps::default(), start, wait }
    }

    /// Changes the options of each member's part, whatever a link can be asked for; called for each member, to name the same
    /// options each time.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let prices = bus.connect_all::<f64>("md-*", "prices")?;
    /// use bus::Deadband;
    ///
    /// let link = prices
    ///     .advise("ACME")
    ///     .options(|each| each.latest().deadband(Deadband::Absolute(0.5)).filter(|price| *price > 0.0))
    ///     .hot()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn options(mut self, change: impl Fn(Options<T>) -> Options<T> + Send + Sync + 'static) -> Self {
        self.steps.push(Arc::new(change));
        self
    }

    /// As [`AdviseBuilder::queue`](crate::AdviseBuilder::queue): at most so many behind in each item of each member. A
    /// member with less history has what it has.
    pub fn queue(self, values: usize) -> Self {
        self.options(move |options| options.queue(values))
    }

    /// As [`AdviseBuilder::latest`](crate::AdviseBuilder::latest), of each member.
    pub fn latest(self) -> Self {
        self.options(Options::latest)
    }

    /// As [`AdviseBuilder::interval`](crate::AdviseBuilder::interval), of each member for itself.
    pub fn interval(self, interval: Duration) -> Self {
        self.options(move |options| options.interval(interval))
    }

    /// As [`AdviseBuilder::filter`](crate::AdviseBuilder::filter), the same of all members.
    pub fn filter(self, accepts: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        let accepts = Arc::new(accepts);
        self.options(move |options| {
            let accepts = accepts.clone();
            options.filter(move |value| accepts(value))
        })
    }

    /// As [`AdviseBuilder::deadband`](crate::AdviseBuilder::deadband), of each member for itself.
    pub fn deadband(self, deadband: Deadband) -> Self
    where
        T: Number,
    {
        self.options(move |options| options.deadband(deadband))
    }

    /// As [`AdviseBuilder::deadband_of`](crate::AdviseBuilder::deadband_of), of each member for itself.
    pub fn deadband_of<N: Number>(self, field: Field<T, N>, deadband: Deadband) -> Self
    where
        T: Message,
    {
        self.options(move |options| options.deadband_of(field, deadband))
    }

    /// As [`AdviseBuilder::data_on_stop`](crate::AdviseBuilder::data_on_stop), for [`MergedLink::stop`].
    pub fn data_on_stop(self, data: bool) -> Self {
        self.options(move |options| options.data_on_stop(data))
    }

    /// As [`AdviseBuilder::lossless`](crate::AdviseBuilder::lossless): each member's publisher waits for this link, from when
    /// the link has taken the member in. That is when it is looked at, or waited for, after the member joined; what was overwritten
    /// until then is counted as missed. A member whose topic does not grant it is told of once by
    /// [`Error::Refused`](crate::Error::Refused) and left out; one that has evicted this link, by
    /// [`Error::Evicted`](crate::Error::Evicted).
    pub fn lossless(mut self, deadline: Duration) -> Self {
        self.lossless = Some(deadline);
        self
    }

    /// Whether to begin with the present values of the members, or with the next ones. Default: yes. Members that appear
    /// later are followed from their first value on in either case, as far as it is still there.
    pub fn prime(mut self, prime: bool) -> Self {
        self.start = if prime { Start::Present } else { Start::Next };
        self
    }

    /// How receives wait. Default: [`Wait::SpinThenPark`].
    pub fn strategy(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// A link that delivers notices that items changed, without values. Asks no member to answer before it returns.
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub fn warm(mut self) -> Result<MergedLink<Warm>> {
        self.lossless = None;
        let asked = core::mem::take(&mut self.steps);
        let mut steps = Steps::default();
        if let Some(options) = asked.options() {
            // What is not for warm links is found by the first try.
            drop(options.for_warm()?);
            steps.push(Arc::new(move |named| {
                let options = asked.options().and_then(|options| options.for_warm().ok());
                named.and(options.unwrap_or_default())
            }));
        }
        self.begin(true, 0, steps)
    }

    /// A link that delivers values where they are, without a copy, and may hold `count` of them at once of each member; see
    /// [`AdviseBuilder::samples`](crate::AdviseBuilder::samples). A member whose topic does not grant that is told of once by
    /// [`Error::Refused`](crate::Error::Refused), and left out.
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub fn samples(mut self, count: usize) -> Result<MergedLink<Samples<T>>> {
        let samples = check_samples(count)?;
        let steps = core::mem::take(&mut self.steps);
        self.begin(false, samples, steps)
    }

    /// A link that delivers values in boxes: for slices, and for messages that are too large for a stack.
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub fn boxed(mut self) -> Result<MergedLink<Boxed<T>>> {
        let steps = core::mem::take(&mut self.steps);
        self.begin(false, 0, steps)
    }

    fn begin<D: Deliver>(self, warm: bool, samples: u32, steps: Steps<D::Value>) -> Result<MergedLink<D>> {
        let AdviseAllBuilder { list, target, lossless, start, wait, .. } = self;
        target.check()?;
        if let Some(options) = steps.options() {
            options.check(None)?;
            options.check_lossless(lossless.is_some())?;
        }
        let terms = LinkTerms { target, warm, lossless, samples, appear: true, wait, life: None };
        Ok(MergedLink::new(list.clone(), terms, steps, start))
    }
}

impl<T: Message> AdviseAllBuilder<'_, T> {
    /// A link that delivers values. Asks no member to answer before it returns; what a member says against it comes by
    /// the link's receives.
    ///
    /// # Errors
    /// [`Error::InvalidName`](crate::Error::InvalidName), [`Error::InvalidOption`](crate::Error::InvalidOption) where an
    /// option cannot be served.
    pub fn hot(mut self) -> Result<MergedLink<Hot<T>>> {
        let steps = core::mem::take(&mut self.steps);
        self.begin(false, 0, steps)
    }
}
