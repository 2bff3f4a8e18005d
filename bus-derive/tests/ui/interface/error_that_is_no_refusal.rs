#[bus::interface]
trait Thermostat {
    #[execute]
    fn halt(&mut self, minutes: u64) -> Result<u64, core::num::ParseIntError>;
}

fn main() {}
