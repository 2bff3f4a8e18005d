//! Hello, world, the watching side: shows each tick of `hello_publish`, and how long it was on its way. It
//! asks nobody and polls nothing: between two ticks it sleeps, in `for`.

use std::time::Duration;

/// Nanoseconds since 1970.
#[derive(bus::Message)]
#[repr(C)]
struct Time(u64);

fn main() -> bus::Result<()> {
    let time = bus::Bus::open("hello")?.connect("clock/time").wait(Duration::MAX).open()?;

    for tick in time.advise("utc").wait(Duration::MAX).hot()? {
        let Time(sent) = tick?.value;
        println!("{sent}, {} ns ago", bus::Stamp::now().nanoseconds().saturating_sub(sent));
    }
    Ok(())
}
