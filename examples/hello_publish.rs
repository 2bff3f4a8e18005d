//! Hello, world, the publishing side: a clock that ticks once a second. Start it and `hello_watch` in two
//! terminals, in any order. Ctrl-C ends it, and then the watcher says why it ends too.

/// Nanoseconds since 1970.
#[derive(bus::Message)]
#[repr(C)]
struct Time(u64);

fn main() -> bus::Result<()> {
    let clock = bus::Bus::open("hello")?.service("clock")?;
    let time = clock.topic("time").open()?;
    clock.ready()?;

    loop {
        time.item("utc")?.publish(&Time(bus::Stamp::now().nanoseconds()))?;
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
