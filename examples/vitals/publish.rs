//! The publishing half: reads the counters at each beat, and publishes them.
//!
//! What a publisher of anything does is all here: take the service's name, open topics, publish first
//! values, and only then become visible, so that nobody ever finds a topic half-built. Items are added when
//! they are first seen, whenever that is: a disk that is plugged in tomorrow appears at every watcher.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use bus::{Bus, Message, Service, Topic};

use crate::Result;
use crate::counters::{Core, Disk, Interface, Load, Memory, SERVICE, Vital};
use crate::proc::{Items, Sample};
use crate::stop::Stop;

/// Publishes until it is time to stop.
pub(crate) fn publish(bus: &Bus, interval: Duration, stop: &Stop) -> Result<()> {
    let place = format!("bus `{}` ({})", bus.name(), bus.directory().display());
    let service = match bus.service(SERVICE) {
        Err(bus::Error::AlreadyServed { pid, .. }) => {
            let remedy = "see it with `vitals watch`, or publish on another bus with `--bus NAME`";
            return Err(format!("process {pid} publishes on {place} already; {remedy}").into());
        }
        claimed => claimed?,
    };
    let topics = Topics::open(&service)?;
    topics.publish(&Sample::take()?)?;
    service.ready()?;
    writeln!(io::stdout(), "publishing {} items on {place}; Ctrl-C ends it", topics.items())?;
    let mut beat = Instant::now();
    loop {
        // Beats keep their time however long a reading takes, and after a suspend none is made up for.
        beat = (beat + interval).max(Instant::now());
        if stop.within(beat.saturating_duration_since(Instant::now())) {
            return Ok(());
        }
        topics.publish(&Sample::take()?)?;
    }
}

/// The topics of the service, each of its own type.
struct Topics {
    cpu: Topic<Core>,
    memory: Topic<Memory>,
    load: Topic<Load>,
    disks: Topic<Disk>,
    network: Topic<Interface>,
}

impl Topics {
    fn open(service: &Service) -> bus::Result<Self> {
        Ok(Topics {
            cpu: service.topic(Core::TOPIC).open()?,
            memory: service.topic(Memory::TOPIC).open()?,
            load: service.topic(Load::TOPIC).open()?,
            disks: service.topic(Disk::TOPIC).open()?,
            network: service.topic(Interface::TOPIC).open()?,
        })
    }

    fn items(&self) -> usize {
        self.cpu.len() + self.memory.len() + self.load.len() + self.disks.len() + self.network.len()
    }

    fn publish(&self, sample: &Sample) -> bus::Result<()> {
        publish_all(&self.cpu, &sample.cpu)?;
        publish_all(&self.memory, &sample.memory)?;
        publish_all(&self.load, &sample.load)?;
        publish_all(&self.disks, &sample.disks)?;
        publish_all(&self.network, &sample.network)
    }
}

fn publish_all<T: Message>(topic: &Topic<T>, items: &Items<T>) -> bus::Result<()> {
    for (name, value) in items {
        topic.item(name)?.publish(value)?;
    }
    Ok(())
}
