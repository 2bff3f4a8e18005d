#[bus::interface]
trait Thermostat {
    #[execute]
    fn rename(&mut self, name: &str);

    #[execute]
    fn play(&mut self, samples: &[f64], volume: u64);
}

fn main() {}
