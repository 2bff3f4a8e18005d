//! An interface finds everything by absolute paths, and trips over no lint of its user's.
#![no_implicit_prelude]
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, unused_results)]
#![deny(unused_qualifications, private_interfaces, unused_lifetimes, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

extern crate bus as vehicle;

/// What is called `bus` here is something else.
#[allow(dead_code)]
mod bus {}

/// Keeps rooms warm.
#[vehicle::interface(crate = "vehicle")]
pub trait Thermostat: ::core::marker::Send {
    /// What was measured.
    #[topic(name = "measured", unit = "°C")]
    const TYPE: vehicle::Topic<f64>;

    /// What is wanted.
    ///
    /// # Errors
    /// The service says.
    #[poke]
    fn setpoint(&mut self, value: &f64) -> ::core::result::Result<(), vehicle::Refusal>;

    /// Many values.
    #[poke]
    fn samples(&mut self, reply: vehicle::Reply<vehicle::Ack>, value: &[f64], by: &vehicle::Caller<'_>);

    /// The mean.
    ///
    /// # Errors
    /// The service says.
    #[compute]
    fn mean(&self) -> vehicle::Result<f64>;

    /// Stops.
    ///
    /// # Errors
    /// The service says.
    #[execute]
    fn r#move(&mut self, room: &vehicle::FixedStr<32>, minutes: u64) -> vehicle::Result<u64>;

    /// Stopped, once.
    #[deprecated]
    #[execute]
    fn stop(&mut self, client: u64, service: u64, state: u64, handlers: u64);

    /// Does nothing, unless it is written otherwise.
    #[execute]
    fn nothing(&self) {}
}

/// Nothing at all.
#[vehicle::interface(crate = "vehicle")]
trait Empty {}

fn main() {
    let _ = (ThermostatTopics::HELP, EmptyTopics::HELP, ThermostatClient::r#move, ThermostatTopics::open);
    let _ = ThermostatClient::r#type;
}
