//! What a handler is told of who asks.

use std::time::Duration;

use super::lane::ServedLane;
use crate::sys::time;
use crate::update::ItemId;

/// Who asks, and what about.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'r> {
    pub(super) lane: &'r ServedLane,
    pub(super) item: &'r str,
    pub(super) id: Option<ItemId>,
    pub(super) deadline: u64,
}

impl Caller<'_> {
    /// The client's process, by the kernel's word; 0 where it is in another pid namespace and has no number here.
    pub fn pid(&self) -> u32 {
        self.lane.counterpart.client.pid
    }

    /// The client's user, by the kernel's word; `u32::MAX` where it has, on a shared bus, no number in this program's user namespace.
    pub fn uid(&self) -> u32 {
        self.lane.counterpart.client.uid
    }

    /// The client's group, likewise.
    pub fn gid(&self) -> u32 {
        self.lane.counterpart.client.gid
    }

    /// The conversation's number in this service; see [`ServedConversation`](crate::ServedConversation).
    pub fn conversation(&self) -> u64 {
        self.lane.counterpart.number
    }

    /// The conversation's topic; empty where it is with the service as a whole.
    pub fn topic(&self) -> &str {
        &self.lane.counterpart.topic.name
    }

    /// The item that a poke or a request is about, a valid name; empty for a command.
    pub fn item(&self) -> &str {
        self.item
    }

    /// The item's id, where the topic has one of this name; a client may name one that there is not.
    pub fn item_id(&self) -> Option<ItemId> {
        self.id
    }

    /// How long the client still waits for an answer; `None` where it waits for ever.
    pub fn time_left(&self) -> Option<Duration> {
        time::until(self.deadline)
    }
}
