//! DDE: calls from another thread than the one that called `DdeInitialize` fail, at run time.
//!
//! Ours: every handle can be handed to another thread, and which can be used by several at once the compiler says. What is here is
//! checked when this file is compiled: it has no test that runs but one that does what the table allows.

use bus::{
    AdviseBuilder, Boxed, Bus, Caller, Client, Conversation, Error, Event, Handlers, Hot, Item, Link,
    Pending, Refusal, RemoteItem, Reply, Sample, Samples, ServedConversation, Service, Serving, Stopper,
    Topic, Update, WaitSet, Warm, Watch,
};

use crate::support::Place;

/// These may go to another thread …
const fn send<T: Send>() {}
/// … and these be used by several.
const fn sync<T: Sync>() {}
const fn shared<T: Send + Sync>() {}
/// Cheap to have one for each thread.
const fn cloned<T: Clone + Send>() {}

const _: () = {
    // Clients'.
    shared::<Bus>();
    cloned::<Bus>();
    shared::<Conversation<u64>>();
    cloned::<Conversation<u64>>();
    shared::<Conversation<[u64]>>();
    shared::<Client>();
    cloned::<Client>();
    shared::<RemoteItem<u64>>();
    shared::<Link<Hot<u64>>>();
    shared::<Link<Warm>>();
    send::<Link<Samples<[u64]>>>();
    send::<Link<Boxed<[u64]>>>();
    shared::<Sample<u64>>();
    cloned::<Sample<u64>>();
    shared::<Sample<[u64]>>();
    shared::<Pending<u64>>();
    shared::<Pending<()>>();
    shared::<Pending<Boxed<[u64]>>>();
    send::<AdviseBuilder<'_, u64>>();
    send::<Watch>();
    send::<WaitSet<u32>>();
    shared::<Event>();
    cloned::<Event>();
    shared::<Update<u64>>();
    // Services'.
    shared::<Service>();
    send::<Topic<u64>>();
    send::<Topic<[u64]>>();
    shared::<Reply<u64>>();
    shared::<Reply<[u64]>>();
    shared::<ServedConversation>();
    shared::<Stopper>();
    cloned::<Stopper>();
    shared::<Serving<u64>>();
    sync::<Caller<'_>>();
    shared::<Refusal>();
    shared::<Error>();
};

/// That a type has not this trait: where it has, the compiler cannot tell which of the two is meant, and fails.
macro_rules! is_not {
    ($type:ty: $trait:ident) => {
        const _: fn() = || {
            trait Either<Which> {
                fn which() {}
            }
            struct Has;
            impl<T: ?Sized> Either<()> for T {}
            impl<T: ?Sized + $trait> Either<Has> for T {}
            <$type as Either<_>>::which();
        };
    };
}

// A topic has one writer, which may be handed on and is never two.
is_not!(Topic<u64>: Sync);
is_not!(Item<'static, u64>: Send);
is_not!(Item<'static, u64>: Sync);
is_not!(Topic<u64>: Clone);
// Handlers may use what is one thread's; `Service::serve` has them made where they run.
is_not!(Handlers<'static>: Send);
is_not!(Handlers<'static>: Sync);
// One outcome, given out once; one answer, given once.
is_not!(Pending<u64>: Clone);
is_not!(Reply<u64>: Clone);
// Each link is read by who has it.
is_not!(Link<Hot<u64>>: Clone);

/// What is made on one thread is used on another, and dropped on a third.
#[test]
fn handles_work_on_threads_that_have_not_made_them() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<u64>("topic").samples(4).open().unwrap();
    let service = std::thread::scope(|scope| {
        let elsewhere = scope.spawn(move || {
            topic.item("item").unwrap().publish(&7).unwrap();
            let serving = service.serve((), |handlers| {
                handlers.accept_pokes(topic)?;
                Ok(())
            });
            service.ready().unwrap();
            (service, serving.unwrap())
        });
        elsewhere.join().unwrap()
    });
    let conversation =
        std::thread::spawn(move || bus.connect::<u64>("service/topic").open().unwrap()).join().unwrap();
    let mut link = conversation.advise("item").samples(2).unwrap();
    let (sample, link) = std::thread::spawn(move || (link.recv().unwrap().value, link)).join().unwrap();
    let pending = conversation.begin_poke("item", &8).unwrap();
    std::thread::spawn(move || pending.wait().unwrap()).join().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!((*sample, conversation.request("item").unwrap().value), (7, 8)));
        }
    });
    std::thread::spawn(move || drop((service, link, sample, conversation))).join().unwrap();
}
