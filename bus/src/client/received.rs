//! What `for` goes through: a series of blocking receives.
//!
//! A link is a [`Stream`](crate::Stream). Were it an [`Iterator`] too, the methods that both have, `next` and `map` and many
//! more, would be ambiguous wherever a program has the extensions of streams in scope; and where it has not, `for` in a task
//! would block its thread without a word. So the iterator is a type of its own, which `for` makes.

use super::deliver::Deliver;
use super::link::Link;
use crate::error::Result;

/// An iterator over what a link, or a [`Watch`](crate::Watch), receives: a series of [`recv`](Link::recv)s, each of which
/// blocks. Made by `into_iter`, of the link itself or of a mutable reference to it, and so by `for`.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("thermometer")?;
/// # let rooms = service.topic::<f64>("rooms").open()?;
/// # rooms.item("kitchen")?.publish(&21.5)?;
/// # service.ready()?;
/// let mut kitchen = bus.connect::<f64>("thermometer/rooms").open()?.advise("kitchen").hot()?;
/// for update in &mut kitchen {
///     println!("{} °C", update?.value);
/// #   break;
/// }
/// assert!(kitchen.try_recv()?.is_none()); // the link is still there
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing unless they are consumed"]
pub struct Received<R>(pub(crate) R);

/// Ends where the link does: when it is [stopped](Link::stop) or evicted, or has delivered its one update.
impl<D: Deliver> Iterator for Received<&mut Link<D>> {
    type Item = Result<D::Item>;

    fn next(&mut self) -> Option<Result<D::Item>> {
        (!self.0.is_done()).then(|| self.0.recv())
    }
}

/// Ends where the link does: when it is [stopped](Link::stop) or evicted, or has delivered its one update.
impl<D: Deliver> Iterator for Received<Link<D>> {
    type Item = Result<D::Item>;

    fn next(&mut self) -> Option<Result<D::Item>> {
        Received(&mut self.0).next()
    }
}

impl<D: Deliver> IntoIterator for Link<D> {
    type Item = Result<D::Item>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<Self> {
        Received(self)
    }
}

impl<'l, D: Deliver> IntoIterator for &'l mut Link<D> {
    type Item = Result<D::Item>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<&'l mut Link<D>> {
        Received(self)
    }
}
