//! Hello, world, watching without blocking a thread: as `hello_watch`, by a task. The executor here is smol's; any other
//! would do, since the bus brings the wakers and wants nothing of it.

use std::time::Duration;

/// Nanoseconds since 1970.
#[derive(bus::Message)]
#[repr(C)]
struct Time(u64);

async fn watch() -> bus::Result<()> {
    let time = bus::Bus::open("hello")?.connect("clock/time").wait(Duration::MAX).open_async().await?;
    let mut ticks = time.advise("utc").wait(Duration::MAX).hot_async().await?;

    loop {
        let Time(sent) = ticks.recv_async().await?.value;
        println!("{sent}, {} ns ago", bus::Stamp::now().nanoseconds().saturating_sub(sent));
    }
}

fn main() -> bus::Result<()> {
    smol::block_on(watch())
}
