//! Publishing what is poked.

use std::time::Duration;

use super::caller::Caller;
use super::refusal::Refusal;
use crate::error::Error;
use crate::payload::Payload;
use crate::server::topic::Topic;

/// When to poke again where a link has no room.
const RETRY_AFTER: Duration = Duration::from_millis(1);

/// Makes a poked value its item's.
pub(super) fn publish<T: Payload + ?Sized>(
    topic: &Topic<T>,
    value: &T,
    caller: &Caller<'_>,
) -> Result<(), Refusal> {
    let item = caller.item_id().and_then(|id| topic.at(id)).ok_or(Refusal::NoSuchItem)?;
    match item.try_publish(value) {
        Ok(_) => Ok(()),
        Err(Error::Full { .. } | Error::Exhausted { .. }) => Err(Refusal::busy(RETRY_AFTER)),
        Err(error) => Err(error.into()),
    }
}
