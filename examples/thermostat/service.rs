//! The service: publishes what the house is like, minute by minute, and takes orders between.
//!
//! One thread does all of it. A poke of a setpoint is accepted, and so published; or refused, with a code that programs know
//! and a text for people; or put off, while the room is serviced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::{Bus, Caller, Refusal};

use crate::house::{House, Room};
use crate::rooms::{
    DURATIONS, LIMITS, OUTSIDE_DURATIONS, OUTSIDE_LIMITS, ROOMS, RoomName, SERVICE, Thermostat,
    ThermostatTopics, UNKNOWN_ROOM,
};
use crate::{Plan, Result, WATCHED};

/// The service's state.
struct Heating {
    house: House,
    topics: ThermostatTopics,
    /// How long a minute of the house takes.
    minute: Duration,
}

/// Serves until what `opened` returns is true; it is called when clients may come.
pub(crate) fn serve(bus: &Bus, plan: &Plan, opened: impl FnOnce() -> Result<Arc<AtomicBool>>) -> Result<()> {
    let service = bus.service(SERVICE)?;
    let topics = ThermostatTopics::open(&service)?;
    let minute = plan.minute.unwrap_or(WATCHED);
    let mut heating = Heating { house: House::new(plan.seed), topics, minute };
    heating.publish_all()?;
    let mut handlers = service.handlers()?;
    ThermostatTopics::handle(&mut handlers)?;
    service.ready()?;

    let end = opened()?;
    let mut next = Instant::now() + minute;
    while !end.load(Ordering::Relaxed) {
        handlers.poll(&mut heating, next.saturating_duration_since(Instant::now()))?;
        if Instant::now() >= next {
            next += minute;
            heating.house.pass_minute();
            heating.publish_changes()?;
        }
    }
    Ok(())
}

impl Thermostat for Heating {
    fn setpoint(&mut self, celsius: &f64, caller: &Caller<'_>) -> Result<(), Refusal> {
        let room = find(&mut self.house, caller.item(), self.minute, Refusal::NoSuchItem)?;
        if !LIMITS.contains(celsius) {
            let (low, high) = LIMITS.into_inner();
            let why = format!("{celsius} °C is outside of {low} to {high} °C");
            return Err(Refusal::new(OUTSIDE_LIMITS, why));
        }
        self.topics.setpoint.item(caller.item())?.publish(celsius)?;
        (room.setpoint, room.is_halted) = (*celsius, false);
        Ok(())
    }

    fn boost(&mut self, room: RoomName, minutes: u64) -> Result<u64, Refusal> {
        let until = self.house.minute + check_duration(minutes)?;
        let room = self.find_named(&room)?;
        (room.boosted_until, room.is_halted) = (until, false);
        Ok(until)
    }

    fn maintain(&mut self, room: RoomName, minutes: u64) -> Result<(), Refusal> {
        let until = self.house.minute + check_duration(minutes)?;
        self.find_named(&room)?.serviced_until = until;
        Ok(())
    }

    fn halt(&mut self) {
        self.house.rooms.iter_mut().for_each(|room| room.is_halted = true);
    }
}

impl Heating {
    /// A room that a command names.
    fn find_named(&mut self, name: &str) -> Result<&mut Room, Refusal> {
        let unknown = Refusal::new(UNKNOWN_ROOM, format!("there is no room `{name}`"));
        find(&mut self.house, name, self.minute, unknown)
    }

    fn publish_all(&self) -> Result<()> {
        let topics = &self.topics;
        for (name, room) in ROOMS.into_iter().zip(&self.house.rooms) {
            topics.temperature.item(name)?.publish(&room.celsius)?;
            topics.setpoint.item(name)?.publish(&room.setpoint)?;
            topics.alarm.item(name)?.publish(&room.alarm)?;
        }
        Ok(())
    }

    /// Temperatures change every minute; alarms are published when they do.
    fn publish_changes(&self) -> Result<()> {
        for (name, room) in ROOMS.into_iter().zip(&self.house.rooms) {
            self.topics.temperature.item(name)?.publish(&room.celsius)?;
            if room.is_alarm_new {
                self.topics.alarm.item(name)?.publish(&room.alarm)?;
            }
        }
        Ok(())
    }
}

/// A room that takes orders now.
fn find<'h>(
    house: &'h mut House,
    name: &str,
    minute: Duration,
    unknown: Refusal,
) -> Result<&'h mut Room, Refusal> {
    let index = ROOMS.iter().position(|&room| room == name).ok_or(unknown)?;
    let (now, room) = (house.minute, &mut house.rooms[index]);
    match room.serviced_until.saturating_sub(now) {
        0 => Ok(room),
        minutes => Err(Refusal::busy(minute * minutes as u32)),
    }
}

fn check_duration(minutes: u64) -> Result<u64, Refusal> {
    let (low, high) = DURATIONS.into_inner();
    let why = || Refusal::new(OUTSIDE_DURATIONS, format!("{minutes} minutes are outside of {low} to {high}"));
    if DURATIONS.contains(&minutes) { Ok(minutes) } else { Err(why()) }
}
