#[bus::interface]
trait Thermostat {
    #[poke]
    #[execute]
    fn limit(&mut self, value: &f64);
}

fn main() {}
