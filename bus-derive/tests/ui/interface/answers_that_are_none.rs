use bus::{Refusal, Reply};

#[bus::interface]
trait Thermostat {
    #[compute]
    fn mean(&self);

    #[compute]
    fn median(&self) -> Result<(), Refusal>;

    #[poke]
    fn limit(&mut self, value: &f64) -> f64;

    #[execute]
    fn order(&mut self, reply: Reply<u64>) -> u64;

    #[execute]
    fn cancel(&mut self, reply: Reply);
}

fn main() {}
