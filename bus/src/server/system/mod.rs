//! The topic `system`, by which every service tells what it is and how it does: in the tradition of DDE's System topic.
//!
//! Its items are texts: UTF-8, a line for each row, fields between tabs. The first line names the columns, so that readers find
//! theirs by name and columns can be added; names have no control characters, and in free texts those become spaces, so that
//! nothing is escaped. `Help` alone is plain text. [`System`](crate::System) reads them.
//!
//! The control thread is the one writer. What it costs:
//!
//! - **Nobody looks:** nothing. The topic is made when the first client connects to it; a service that nobody asks has neither
//!   memory nor a turn for it. Once made it stays until the service closes, since its values have numbers, and is written no
//!   longer when the last conversation with it ends, also by death ([`Looking`]).
//! - **Somebody looks:** texts are made anew when something has changed, at most once in [`writer`]'s interval; and what changes
//!   all the time (counters, what waits) some times a second. A text that is what it was is not published.
//! - **Publishing costs nothing more in any case:** what counts values is the journal's head, and what counts wake-ups is beside
//!   it; the control thread reads them.
//!
//! A connect to the topic is answered a turn later, when the texts are as of then: the control thread finds that it was
//! [asked](SystemShared::ask), writes, and then answers those that wait, as it does when a topic appears. A change on another thread sets a flag;
//! only where somebody looks does it wake the control thread. Flag and count are Dekker's pair: who looks is counted before
//! the texts are made, and a change is made before the count is looked at, so one of the two sees the other.
//!
//! Files: [`shared`] is what other threads and connections tell; [`writer`] the topic and when it is written; [`texts`] what the
//! items say; [`counters`] what is counted; [`table`] rows of fields.
//!
//! Beside it is `system.trace`, by which [spies](crate::Spy) see what happens as it does; it is made and left alone in the same way.
//! [`event`] is what is told, and [`trace`] how it comes to the control thread.

mod counters;
pub(crate) mod event;
pub(crate) mod shared;
mod table;
mod texts;
pub(crate) mod trace;
pub(crate) mod writer;

pub(crate) use self::shared::{Looking, SystemShared};
pub(crate) use self::table::{MOST_BYTES, MOST_ROWS};

/// The topic's name.
pub(crate) const NAME: &str = "system";
/// The topic of what happens, for spies.
pub(crate) const TRACE: &str = "system.trace";
/// Its one item.
pub(crate) const EVENTS: &str = "events";
/// What the name of an item that lists a topic's items begins with.
pub(crate) const LIST: &str = "TopicItemList.";

/// Whether only the library may have a topic of this name.
pub(crate) fn is_reserved(topic: &str) -> bool {
    topic.strip_prefix(NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
