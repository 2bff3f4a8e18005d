//! Which handles may go to other threads, and which may be shared by them: all that stand for a connection. Compiled is tested.

use bus::{
    Ack, Bus, Caller, Client, Conversation, ConversationEvents, Conversations, Handlers, Item, Link, Pending,
    Reply, ServedConversation, Service, Serving, Stopper, Topic, WaitSet,
};

const fn is_shared<T: Send + Sync>() {}
const fn is_sent<T: Send>() {}

const _: () = {
    is_shared::<Bus>();
    is_shared::<Service>();
    is_shared::<ServedConversation>();
    is_shared::<Caller<'_>>();
    is_shared::<Reply<Ack>>();
    is_shared::<Reply<[u64]>>();
    is_shared::<Stopper>();
    is_shared::<Serving<u64>>();
    is_shared::<Client>();
    is_shared::<Conversation<u64>>();
    is_shared::<Conversation<[u64]>>();
    is_shared::<Conversations<u64>>();
    is_shared::<Pending<Ack>>();
    is_shared::<Pending<bus::Boxed<[u64]>>>();
    is_sent::<ConversationEvents>();
    is_sent::<Topic<u64>>();
    is_sent::<Link<bus::Hot<u64>>>();
    is_sent::<WaitSet<u64>>();
    // One thread writes a topic, and one thread answers.
    assert!(!Probe::<Topic<u64>>::IS_SYNC && !Probe::<Item<'_, u64>>::IS_SYNC);
    assert!(!Probe::<Handlers<'_, ()>>::IS_SYNC);
};

/// Says of a type whether it is `Sync`: its own constant hides the trait's where it is.
struct Probe<T>(core::marker::PhantomData<T>);

trait IsNotSync {
    const IS_SYNC: bool = false;
}

impl<T> IsNotSync for Probe<T> {}

impl<T: Sync> Probe<T> {
    const IS_SYNC: bool = true;
}

#[test]
fn handles_go_to_the_threads_that_they_are_made_for() {
    // Above, by the compiler; and that it would notice.
    const { assert!(Probe::<Bus>::IS_SYNC && !Probe::<core::cell::Cell<u64>>::IS_SYNC) };
}
