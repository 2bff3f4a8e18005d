//! What both halves agree on: names, limits, and the interface, of which `bus::interface` makes the service's dispatch and its
//! client.

use bus::{Caller, Message, Refusal};

pub(crate) const SERVICE: &str = "thermostat";

pub(crate) const ROOMS: [&str; 4] = ["kitchen", "bedroom", "study", "bath"];

/// Setpoints that are accepted, in °C.
pub(crate) const LIMITS: std::ops::RangeInclusive<f64> = 5.0..=30.0;
/// Minutes that a boost or a servicing may take.
pub(crate) const DURATIONS: std::ops::RangeInclusive<u64> = 1..=240;

/// The code of a refusal: the setpoint is outside of [`LIMITS`].
pub(crate) const OUTSIDE_LIMITS: u32 = 1;
/// The code of a refusal: the time is outside of [`DURATIONS`].
pub(crate) const OUTSIDE_DURATIONS: u32 = 2;
/// The code of a refusal: a command names a room that there is not.
pub(crate) const UNKNOWN_ROOM: u32 = 3;

pub(crate) type RoomName = bus::FixedStr<32>;

/// What is wrong with a room.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Alarm {
    None,
    TooCold,
    TooHot,
}

/// Heats rooms to their setpoints. The items of each topic are the rooms.
#[bus::interface]
pub(crate) trait Thermostat {
    /// What was measured, minute by minute.
    #[topic(unit = "°C")]
    const TEMPERATURE: Topic<f64>;

    /// What is wrong with a room; published when that changes.
    #[topic]
    const ALARM: Topic<Alarm>;

    /// What a room is heated to.
    ///
    /// # Errors
    /// Refused outside of the limits (code 1); busy while the room is serviced.
    #[poke(unit = "°C")]
    fn setpoint(&mut self, celsius: &f64, caller: &Caller<'_>) -> Result<(), Refusal>;

    /// Heats a room more than its setpoint says, for some minutes; until which minute of the house.
    ///
    /// # Errors
    /// Refused for as many minutes (code 2), and for a room that there is not (code 3); busy while it is serviced.
    #[execute]
    fn boost(&mut self, room: RoomName, minutes: u64) -> Result<u64, Refusal>;

    /// Has a room's heating serviced: it is off, and takes no orders, for some minutes.
    ///
    /// # Errors
    /// As `boost`.
    #[execute]
    fn maintain(&mut self, room: RoomName, minutes: u64) -> Result<(), Refusal>;

    /// Turns all heating off. A room's goes on again when its setpoint is set, or with a boost.
    #[execute]
    fn halt(&mut self);
}
