//! The service: publishes what the house is like, minute by minute, and takes orders between.
//!
//! One thread does all of it. A poke of a setpoint is accepted, and so published; or refused, with a code that programs know
//! and a text for people; or put off, while the room is serviced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::{Ack, Bus, Refusal, Topic};

use crate::house::{House, Room};
use crate::rooms::{
    ALARMS, Alarm, Boost, Boosted, DURATIONS, Halt, LIMITS, Maintain, OUTSIDE_DURATIONS, OUTSIDE_LIMITS,
    ROOMS, SERVICE, SETPOINTS, TEMPERATURES,
};
use crate::{Plan, Result};

/// Serves until what `opened` returns is true; it is called when clients may come.
pub(crate) fn serve(bus: &Bus, plan: &Plan, opened: impl FnOnce() -> Result<Arc<AtomicBool>>) -> Result<()> {
    let service = bus.service(SERVICE)?;
    service.set_help("Heats rooms. Poke setpoints in °C; execute Boost, Maintain, Halt; alarms are items.");
    let temperatures = service.topic::<f64>(TEMPERATURES).capacity(ROOMS.len()).open()?;
    let setpoints = service.topic::<f64>(SETPOINTS).capacity(ROOMS.len()).open()?;
    let alarms = service.topic::<Alarm>(ALARMS).capacity(ROOMS.len()).open()?;
    let mut house = House::new(plan.seed);
    for (name, room) in ROOMS.into_iter().zip(&house.rooms) {
        temperatures.item(name)?.publish(&room.celsius)?;
        setpoints.item(name)?.publish(&room.setpoint)?;
        alarms.item(name)?.publish(&room.alarm)?;
    }

    let mut handlers = service.handlers()?;
    handlers.poke(SETPOINTS, |house: &mut House, &celsius: &f64, caller| {
        let room = find(house, caller.item(), plan.minute)?;
        if !LIMITS.contains(&celsius) {
            let (low, high) = LIMITS.into_inner();
            let why = format!("{celsius} °C is outside of {low} to {high} °C");
            return Err(Refusal::new(OUTSIDE_LIMITS, why));
        }
        setpoints.item(caller.item())?.publish(&celsius)?;
        (room.setpoint, room.is_halted) = (celsius, false);
        Ok(())
    })?;
    handlers.execute(|house: &mut House, boost: &Boost, _| {
        let until = house.minute + check_duration(boost.minutes)?;
        let room = find(house, &boost.room, plan.minute)?;
        (room.boosted_until, room.is_halted) = (until, false);
        Ok(Boosted { until })
    })?;
    handlers.execute(|house: &mut House, maintain: &Maintain, _| {
        let until = house.minute + check_duration(maintain.minutes)?;
        find(house, &maintain.room, plan.minute)?.serviced_until = until;
        Ok(Ack {})
    })?;
    handlers.execute(|house: &mut House, _: &Halt, _| {
        house.rooms.iter_mut().for_each(|room| room.is_halted = true);
        Ok(Ack {})
    })?;
    service.ready()?;

    let end = opened()?;
    let mut next = Instant::now() + plan.minute;
    while !end.load(Ordering::Relaxed) {
        handlers.poll(&mut house, next.saturating_duration_since(Instant::now()))?;
        if Instant::now() >= next {
            next += plan.minute;
            house.pass_minute();
            publish(&house, &temperatures, &alarms)?;
        }
    }
    Ok(())
}

/// A room that takes orders now.
fn find<'h>(house: &'h mut House, name: &str, minute: Duration) -> Result<&'h mut Room, Refusal> {
    let index = ROOMS.iter().position(|&room| room == name).ok_or(Refusal::NoSuchItem)?;
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

/// Temperatures change every minute; alarms are published when they do.
fn publish(house: &House, temperatures: &Topic<f64>, alarms: &Topic<Alarm>) -> Result<()> {
    for (name, room) in ROOMS.into_iter().zip(&house.rooms) {
        temperatures.item(name)?.publish(&room.celsius)?;
        if room.is_alarm_new {
            alarms.item(name)?.publish(&room.alarm)?;
        }
    }
    Ok(())
}
