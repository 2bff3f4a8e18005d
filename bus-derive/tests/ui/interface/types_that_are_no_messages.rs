use std::time::Duration;

use bus::{Refusal, Reply};

#[bus::interface]
trait Thermostat {
    #[topic]
    const NAMES: Topic<[String]>;

    #[poke]
    fn pause(&mut self, value: &Duration);

    #[compute]
    fn mean(&self) -> Vec<f64>;

    #[execute]
    fn rename(&mut self, name: String, hard: bool);

    #[execute]
    fn rooms(&mut self, floor: u64) -> Result<Vec<u64>, Refusal>;

    #[execute]
    fn halt(&mut self, minutes: &u64);

    #[execute]
    fn flush(&mut self, reply: Reply<()>);
}

fn main() {}
