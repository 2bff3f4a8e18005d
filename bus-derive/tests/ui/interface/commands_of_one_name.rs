#[bus::interface]
trait Thermostat {
    #[execute]
    fn halt(&mut self);

    #[execute]
    fn halt(&mut self, minutes: u64);
}

fn main() {}
