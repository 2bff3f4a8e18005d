//! Who looks, on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use bus::{Bus, Error};

use crate::figure::Looks;
use crate::support::{Failure, cores, pin};

/// How long to wait for something to be told before looking whether to end.
const LOOK: Duration = Duration::from_millis(5);

/// Somebody who looks, until it is dropped.
pub(crate) struct Look {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Look {
    /// Begins to look at a service; returns when it does.
    pub(crate) fn begin(bus: &Bus, service: &'static str, looks: Looks) -> Result<Self, Failure> {
        let (begun, when) = mpsc::channel();
        let (stop, bus) = (Arc::<AtomicBool>::default(), bus.clone());
        let ends = stop.clone();
        // Beside the service's handlers, and not in the way of who measures.
        let core = cores()?[1];
        let thread = std::thread::spawn(move || {
            let _ = pin(core);
            let again = |next: Result<(), Error>| match next {
                Ok(()) | Err(Error::Timeout { .. }) if !ends.load(Ordering::Relaxed) => Ok(true),
                Ok(()) | Err(Error::Timeout { .. }) => Ok(false),
                Err(error) => Err(error),
            };
            match looks {
                Looks::Nobody => {}
                Looks::Looker => {
                    let system = bus.system(service).open()?;
                    let mut counters = system.conversation().advise("Counters").boxed()?;
                    let _ = begun.send(());
                    while again(counters.recv_timeout(LOOK).map(drop))? {}
                }
                Looks::Spy => {
                    let mut spy = bus.spy(service).open()?;
                    let _ = begun.send(());
                    while again(spy.recv_timeout(LOOK).map(drop))? {}
                }
            }
            Ok(())
        });
        if looks != Looks::Nobody {
            when.recv().map_err(|_| "who is to look cannot")?;
        }
        Ok(Look { stop, thread: Some(thread) })
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            eprintln!("who looked: {error}");
        }
    }
}
