//! When it is time to stop: at Ctrl-C, at a SIGTERM, or when standard input ends.
//!
//! All three come by one channel, on which the halves wait between two beats of their work; so stopping is
//! an ordinary event of an ordinary loop, everything is dropped in order, and services close properly.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::Result;

/// The end of the run, to wait for.
pub(crate) struct Stop {
    tell: Sender<()>,
    told: Receiver<()>,
}

impl Stop {
    /// A stop at Ctrl-C, SIGTERM or SIGHUP.
    pub(crate) fn on_signals() -> Result<Self> {
        let (tell, told) = mpsc::channel();
        let teller = tell.clone();
        // Sending fails only when nobody waits any more, and then there is nothing to stop.
        ctrlc::set_handler(move || teller.send(()).unwrap_or_default())
            .map_err(|error| format!("cannot handle Ctrl-C: {error}"))?;
        Ok(Stop { tell, told })
    }

    /// Stops also when standard input ends.
    pub(crate) fn also_at_end_of_input(&self) {
        let teller = self.tell.clone();
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            let _ = teller.send(());
        });
    }

    /// Sleeps for a time; whether it became time to stop meanwhile.
    pub(crate) fn within(&self, time: Duration) -> bool {
        self.told.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
    }
}
