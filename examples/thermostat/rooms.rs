//! What both halves agree on: names, limits, and messages.

use bus::{Ack, Message};

pub(crate) const SERVICE: &str = "thermostat";
/// Topics; the items of each are the rooms. Temperatures and setpoints are in °C.
pub(crate) const TEMPERATURES: &str = "temperature";
pub(crate) const SETPOINTS: &str = "setpoint";
pub(crate) const ALARMS: &str = "alarm";

pub(crate) const ROOMS: [&str; 4] = ["kitchen", "bedroom", "study", "bath"];

/// Setpoints that are accepted, in °C.
pub(crate) const LIMITS: std::ops::RangeInclusive<f64> = 5.0..=30.0;
/// Minutes that a boost or a servicing may take.
pub(crate) const DURATIONS: std::ops::RangeInclusive<u64> = 1..=240;

/// The code of a refusal: the setpoint is outside of [`LIMITS`].
pub(crate) const OUTSIDE_LIMITS: u32 = 1;
/// The code of a refusal: the time is outside of [`DURATIONS`].
pub(crate) const OUTSIDE_DURATIONS: u32 = 2;

pub(crate) type RoomName = bus::FixedStr<32>;

/// What is wrong with a room.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Alarm {
    None,
    TooCold,
    TooHot,
}

/// Heats a room more than its setpoint says, for some minutes.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = Boosted)]
#[repr(C)]
pub(crate) struct Boost {
    pub(crate) minutes: u64,
    pub(crate) room: RoomName,
    pub(crate) reserved: [u8; 6],
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Boosted {
    /// The minute of the house in which it ends.
    pub(crate) until: u64,
}

/// Has a room's heating serviced: it is off, and takes no orders, for some minutes.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = Ack)]
#[repr(C)]
pub(crate) struct Maintain {
    pub(crate) minutes: u64,
    pub(crate) room: RoomName,
    pub(crate) reserved: [u8; 6],
}

/// Turns all heating off. A room's goes on again when its setpoint is set, or with a boost.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = Ack)]
#[repr(C)]
pub(crate) struct Halt {}
