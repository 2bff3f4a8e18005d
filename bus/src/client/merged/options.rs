//! What a merged link asks of each member, and how that is changed while it lives.
//!
//! Options have state, and a filter may be a closure that is no copy of another; so they are made anew for each member, by the
//! *steps* in which they were named. A step that is changed later is a step more. Of all of them those are kept that still have
//! a say: as there are few options, so are they, however often one is changed.

use core::fmt;
use std::sync::Arc;

use super::MergedLink;
use crate::client::deliver::Deliver;
use crate::client::options::{Granted, Options};
use crate::error::{Error, Result};
use crate::registry::ServiceInfo;

/// Names options.
pub(in crate::client) type Step<V> = Arc<dyn Fn(Options<V>) -> Options<V> + Send + Sync>;

/// The steps by which a member's options are made.
pub(in crate::client) struct Steps<V: ?Sized>(Vec<Step<V>>);

impl<V: ?Sized> Default for Steps<V> {
    fn default() -> Self {
        Steps(Vec::new())
    }
}

impl<V: ?Sized> fmt::Debug for Steps<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Steps({})", self.0.len())
    }
}

impl<V: ?Sized> Steps<V> {
    /// The options that all of them make; `None` where there is none.
    pub(in crate::client) fn options(&self) -> Option<Options<V>> {
        let made = self.0.iter().map(|step| step(Options::new()));
        made.reduce(Options::and)
    }

    /// Takes another step, and drops those that have no say any longer.
    pub(in crate::client) fn push(&mut self, step: Step<V>) {
        self.0.push(step);
        let mut settled = [false; 6];
        let mut has_a_say = |step: &Step<V>| {
            let named = step(Options::new()).named();
            let has_a_say = named.iter().zip(&settled).any(|(named, settled)| *named && !settled);
            settled.iter_mut().zip(named).for_each(|(settled, named)| *settled |= named);
            has_a_say
        };
        let mut kept: Vec<_> = self.0.drain(..).rev().filter(|step| has_a_say(step)).collect();
        kept.reverse();
        self.0 = kept;
    }
}

impl<D: Deliver> MergedLink<D> {
    /// Changes the options that are named, from the next value on, of each member's part and of those who join from now on. What is
    /// not named stays as it is. `change` is called once for each member, and names the same options each time.
    ///
    /// A member with less history than is asked for has what it has, as [`granted`](Self::granted) tells.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("md-nyse")?;
    /// # let topic = service.topic::<f64>("prices").open()?;
    /// # let acme = topic.item("ACME")?;
    /// # service.ready()?;
    /// # let prices = bus.connect_all::<f64>("md-*", "prices")?;
    /// # prices.wait_for(1, std::time::Duration::from_secs(2))?;
    /// use bus::Deadband;
    ///
    /// let mut link = prices.advise("ACME").hot()?;
    /// acme.publish(&1.5)?;
    /// assert_eq!(link.recv()?.update.value, 1.5);
    ///
    /// link.update(|each| each.deadband(Deadband::Absolute(1.0)))?;
    /// for price in [2.0, 2.1, 3.5] {
    ///     acme.publish(&price)?;
    /// }
    /// assert_eq!(link.recv()?.update.value, 2.0); // the first one passes
    /// assert_eq!(link.recv()?.update.value, 3.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`], and the link is as it was.
    pub fn update(
        &mut self,
        change: impl Fn(Options<D::Value>) -> Options<D::Value> + Send + Sync + 'static,
    ) -> Result<()> {
        let options = change(Options::new());
        options.check(None)?;
        options.check_lossless(self.terms.lossless.is_some())?;
        for part in self.parts.iter_mut().filter(|part| !part.link.is_done()) {
            part.link.change(change(Options::new()));
        }
        self.steps.push(Arc::new(change));
        Ok(())
    }

    /// What the part of each member has: the options asked for, and what its topic gives. The members are those that
    /// [`members`](Self::members) names.
    pub fn granted(&self) -> Vec<(Arc<ServiceInfo>, Granted)> {
        self.parts.iter().map(|part| (part.info.clone(), part.link.granted())).collect()
    }

    /// Delivers nothing until [`resume`](Self::resume), of those who join meanwhile neither: `try_recv` finds nothing, and what
    /// would wait fails with [`Error::Paused`].
    pub fn pause(&mut self) {
        self.paused = true;
        self.parts.iter_mut().for_each(|part| part.link.pause());
    }

    /// Goes on where [`pause`](Self::pause) left off, with each member as [`Link::resume`](crate::Link::resume) says.
    pub fn resume(&mut self) {
        self.paused = false;
        self.parts.iter_mut().for_each(|part| part.link.resume());
    }

    pub(super) fn check_not_paused(&self) -> Result<()> {
        // One that is stopped says that, paused or not.
        if self.paused && !self.stopped { Err(Error::Paused { link: self.address() }) } else { Ok(()) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_changed_over_and_over_is_kept_once_and_the_last_word_counts() {
        let mut steps = Steps::<f64>::default();
        assert!(steps.options().is_none());
        steps.push(Arc::new(|options| options.once().latest()));
        for seconds in 0..1000 {
            steps.push(Arc::new(move |options| options.interval(Duration::from_secs(seconds))));
            steps.push(Arc::new(move |options| options.queue(seconds as usize).filter(|value| *value > 0.0)));
            steps.push(Arc::new(|_| Options::new()));
        }
        steps.push(Arc::new(|options| options.without_filter()));
        assert_eq!(steps.0.len(), 4);
        let options = format!("{:?}", steps.options().unwrap());
        for part in ["Queue(Some(999))", "interval: Some(999s)", "filter: none", "once: Some(true)"] {
            assert!(options.contains(part), "{part} is missing in {options}");
        }
    }
}
