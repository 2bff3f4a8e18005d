//! A link with options: how it looks through its gate, and how options, pauses and its end are asked for.
//!
//! [`gate`](super::gate) decides what passes. Here is what it needs of the link: values to decide on, as the reader
//! takes them, and as many of them at a time as there are at that moment, so that a look ends however fast the publisher is.

use std::time::{Duration, Instant};

use super::deliver::Deliver;
use super::gate::{Gate, State};
use super::link::Link;
use super::options::{DeliveryMode, Granted, Mode, Options};
use super::reader::{Delivery, Reader};
use super::vigil::Due;
use crate::bell::PARK_BOUND;
use crate::error::{Error, Result};

/// Values that a look takes before it asks how many there are at all.
const MANY: u32 = 64;
/// The most values that a look takes: a hostile publisher may say that there are any number of them.
const MOST: u32 = 1 << 20;

/// How much a look takes: what there was when it had taken [`MANY`], or where it takes all, the first.
///
/// A reader that is slower than the publisher may never be done with its sweeps: each finds the journal overwritten
/// once more. What there was comes in the sweep that goes on when the reader is past the end, so the next one is not
/// waited for.
#[derive(Debug, Default)]
struct Bound {
    taken: u32,
    end: Option<u64>,
    /// How many sweeps had begun when the reader was past the end.
    sweeps: Option<u64>,
}

impl Bound {
    /// One more was taken; whether that was the last.
    fn is_reached(&mut self, all: bool, reader: Option<&Reader>) -> bool {
        self.taken = self.taken.saturating_add(1);
        let Some(reader) = reader else { return true };
        if self.taken >= MOST {
            return true;
        }
        if !all && self.taken < MANY {
            return false;
        }
        let end = *self.end.get_or_insert_with(|| reader.end());
        reader.is_past(end)
            || reader.sweeps_past(end).is_some_and(|sweeps| sweeps > *self.sweeps.get_or_insert(sweeps))
    }
}

impl<D: Deliver> Link<D> {
    /// What is there now and passes.
    #[inline(never)]
    pub(super) fn look_through_gate(&mut self) -> Result<Option<D::Item>> {
        if let Some(ready) = self.ready_at_gate()? {
            return Ok(Some(ready));
        }
        let Some(gate) = &mut self.gate else { return Ok(None) };
        // The service's end is the end of the interval too.
        if gate.state() == State::Paused || (gate.rests().is_some() && !self.has_changed()) {
            return Ok(None);
        }
        if let Some(passed) = self.fill_gate() {
            self.end_after_last();
            return Ok(Some(passed));
        }
        self.ready_at_gate()
    }

    /// What was taken before, and is next.
    fn ready_at_gate(&mut self) -> Result<Option<D::Item>> {
        let Some(gate) = &mut self.gate else { return Ok(None) };
        if gate.state() == State::Paused {
            return Ok(None);
        }
        if let Some(item) = gate.next() {
            self.end_after_last();
            return Ok(Some(item));
        }
        match (gate.take_error(), gate.state()) {
            (Some(error), _) => Err(error),
            (None, State::Finished) => Err(Error::Closed("the link")),
            (None, _) => Ok(None),
        }
    }

    /// Where the update that is delivered now is the last one, or the last that needs a gate: one without options stayed for
    /// what it had still to count.
    fn end_after_last(&mut self) {
        let Some(gate) = &self.gate else { return };
        if gate.state() == State::Finished {
            self.detach();
        } else if !gate.has_options() {
            self.remove_idle_gate();
        }
    }

    /// Takes what there is: one value after the other until one passes, or all of them where the gate collects.
    fn fill_gate(&mut self) -> Option<D::Item> {
        let mut bound = Bound::default();
        loop {
            if let Some(reader) = &mut self.reader {
                reader.keep(self.most);
            }
            let taken = D::take(self);
            let gate = self.gate.as_mut()?;
            match taken {
                Ok(Some(taken)) => {
                    if let Some(passed) = gate.consider(taken) {
                        return Some(passed);
                    }
                }
                Ok(None) => return None,
                // What is kept in the round is what is held, so that it comes first, and the rest when it has gone.
                Err(Error::HoldsAll { .. }) if !gate.is_round_empty() => return None,
                Err(error) => {
                    // It is told of after what was taken before it.
                    gate.fail(error);
                    return None;
                }
            }
            if bound.is_reached(gate.collects(), self.reader.as_ref()) {
                return None;
            }
        }
    }

    /// The number that this link waits for, `None` if it wants none now; and when else to look at it.
    pub(super) fn stands(&self) -> (Option<u64>, Due) {
        let (wanted, due) = match &self.reader {
            Some(reader) => (reader.awaited().1, reader.due()),
            None => (0, Due::Never),
        };
        match self.gate.as_ref().and_then(|gate| gate.due()) {
            Some(Due::Now) => (Some(wanted), Due::Now),
            // Whatever is published until then.
            Some(later) => (None, later),
            // The value is there and cannot be read; that its memory has come is told besides.
            None if self.awaited_memory().is_some() => (None, Due::At(Instant::now() + PARK_BOUND)),
            None => (Some(wanted), due),
        }
    }

    /// After a change of what this link delivers: who waits for it by descriptor is to look again.
    fn report_change(&mut self) {
        if self.is_watched() {
            self.report();
            self.shared.vigil.nudge();
        }
    }

    /// For how long nothing is delivered, since the interval is not over; `None` if something may be.
    #[inline]
    pub(super) fn rests(&mut self) -> Option<Duration> {
        let rests = self.gate.as_mut()?.rests()?;
        (!self.has_changed()).then_some(rests)
    }

    /// Whether nothing will ever be delivered again.
    pub(super) fn is_done(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.is_done())
    }

    /// Whether nothing is delivered until it is told to go on.
    pub(super) fn is_paused(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.state() == State::Paused)
    }

    pub(super) fn check_not_paused(&self) -> Result<()> {
        if self.is_paused() { Err(Error::Paused { link: self.address() }) } else { Ok(()) }
    }

    /// Changes the options that are named, from the next value on, and tells what the link has then.
    ///
    /// A lossless link delivers everything and hurries, since its publisher waits: which values it delivers cannot be
    /// changed, and it has no interval.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], and the link is as it was.
    pub fn update(&mut self, options: Options<D::Value>) -> Result<Granted> {
        options.check(self.session.as_ref().map(|session| session.depth))?;
        options.check_lossless(self.delivery == Delivery::Lossless)?;
        self.change(options);
        Ok(self.granted())
    }

    /// Changes options that were checked, but for the history that there is: of what is asked for more, that is granted.
    pub(super) fn change(&mut self, options: Options<D::Value>) {
        match options.mode {
            None => {}
            Some(Mode::Latest) => (self.delivery, self.most) = (Delivery::Latest, None),
            Some(Mode::Queue(most)) => {
                (self.delivery, self.most) = (Delivery::Queue, most.map(|most| most as u64));
            }
        }
        self.open_gate().change(options);
        self.remove_idle_gate();
        self.report_change();
    }

    /// What this link has: the options asked for, and what the topic gives.
    pub fn granted(&self) -> Granted {
        let (history, stamps) =
            self.session.as_ref().map_or((0, false), |session| (session.depth as usize, session.stamps));
        let gate = self.gate.as_ref();
        Granted {
            history,
            stamps,
            delivery: match self.delivery {
                Delivery::Latest => DeliveryMode::Latest,
                Delivery::Lossless => DeliveryMode::Lossless,
                Delivery::Queue => DeliveryMode::Queue {
                    // While the service is gone it is not known how much it will have.
                    values: self.most.map_or(history, |most| {
                        if history == 0 { most as usize } else { history.min(most as usize) }
                    }),
                },
            },
            interval: gate.map_or(Duration::ZERO, |gate| gate.interval),
            deadband: gate.and_then(|gate| Some(gate.band.as_ref()?.width())),
            filter: gate.is_some_and(|gate| gate.filter.is_some()),
            once: gate.is_some_and(|gate| gate.once),
            data_on_stop: gate.is_some_and(|gate| gate.data_on_stop),
            paused: gate.is_some_and(|gate| gate.state() == State::Paused),
        }
    }

    /// Delivers nothing until [`resume`](Self::resume): `try_recv` finds nothing, and what would wait fails with
    /// [`Error::Paused`]. A lossless link that is paused stays away from its publisher like any that does not receive.
    pub fn pause(&mut self) {
        self.open_gate().pause(true);
        self.choose_way();
        // There is nothing to look for, so nobody is woken.
        if self.is_watched() {
            self.report();
        }
    }

    /// Goes on where [`pause`](Self::pause) left off: with the next value that is still there, or the newest of a `latest`
    /// link. What it has not delivered meanwhile is counted as ever.
    pub fn resume(&mut self) {
        if let Some(gate) = &mut self.gate {
            gate.pause(false);
            self.remove_idle_gate();
            self.report_change();
        }
    }

    /// Stops the link: the service is told, and nothing that is published from now on is delivered.
    ///
    /// With [`data_on_stop`](Options::data_on_stop), receives still deliver of each item the newest value that was
    /// accepted and not delivered, if there is one: what the interval, the deadband, a pause, or the reader itself has left
    /// behind. Then, and else at once, they fail with [`Error::Closed`], and a `for` over the link, or a stream, ends.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("thermometer")?;
    /// # let topic = service.topic::<f64>("rooms").open()?;
    /// # let kitchen = topic.item("kitchen")?;
    /// # service.ready()?;
    /// use std::time::Duration;
    ///
    /// let rooms = bus.connect::<f64>("thermometer/rooms").open()?;
    /// let hour = Duration::from_secs(3600);
    /// let mut link = rooms.advise("kitchen").interval(hour).data_on_stop(true).hot()?;
    /// for degrees in [20.0, 20.1, 20.2] {
    ///     kitchen.publish(&degrees)?;
    ///     link.try_recv()?;
    /// }
    /// link.stop();
    /// let last: Vec<f64> = link.into_iter().map(|update| update.unwrap().value).collect();
    /// assert_eq!(last, [20.2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop(&mut self) {
        let gate = self.open_gate();
        if gate.state() == State::Finished {
            return;
        }
        if gate.data_on_stop {
            // A filter may refuse the newest, and accept one before it.
            let delivery = if gate.filter.is_some() { self.delivery } else { Delivery::Latest };
            if let Some(reader) = &mut self.reader {
                reader.deliver(delivery);
            }
            self.collect_all();
        }
        self.finish();
        self.report_change();
    }

    /// Ends the link for good, but for what its options may still deliver.
    pub(super) fn finish(&mut self) {
        let gate = self.open_gate();
        let data_on_stop = gate.data_on_stop;
        gate.finish(data_on_stop);
        self.choose_way();
        self.detach();
    }

    /// Takes all that there is to the gate.
    fn collect_all(&mut self) {
        let mut bound = Bound::default();
        loop {
            let taken = D::take(self);
            let gate = self.open_gate();
            match taken {
                Ok(Some(taken)) => gate.collect(taken),
                Ok(None) => return,
                Err(error) => return gate.fail(error),
            }
            if bound.is_reached(true, self.reader.as_ref()) {
                return;
            }
        }
    }

    /// The gate, made if there is none.
    fn open_gate(&mut self) -> &mut Gate<D> {
        self.gate.get_or_insert_with(|| Box::new(Gate::new()))
    }

    /// Makes the link a plain one again where its gate does nothing.
    fn remove_idle_gate(&mut self) {
        if self.most.is_none() && self.gate.as_ref().is_some_and(|gate| gate.is_idle()) {
            self.gate = None;
        }
        self.choose_way();
        self.direct_reader();
    }

    /// Has the reader deliver as the options need it: for an interval alone the newest is enough, and the least to copy.
    pub(super) fn direct_reader(&mut self) {
        let samples = self.gate.as_ref().is_some_and(|gate| gate.collects() && gate.filter.is_none());
        let delivery = if samples { Delivery::Latest } else { self.delivery };
        if let Some(reader) = &mut self.reader {
            reader.deliver(delivery);
            reader.keep(self.most);
        }
    }
}
