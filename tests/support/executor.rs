//! Executors that a future is to work under: tokio, smol, and one by hand that is no more than a thread that parks.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

pub(crate) const EXECUTORS: [&str; 3] = ["tokio", "smol", "by hand"];

/// Wake-ups that would take longer than [`LIMIT`](super::LIMIT) if each came by the bound of a sleep, 100 ms.
pub(crate) const MANY: u64 = 700;

/// Runs a future on an executor.
pub(crate) fn run<F: Future>(executor: &str, future: F) -> F::Output {
    match executor {
        "tokio" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(future)
        }
        "smol" => smol::block_on(future),
        _ => block_on(future),
    }
}

/// An executor by hand.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}
