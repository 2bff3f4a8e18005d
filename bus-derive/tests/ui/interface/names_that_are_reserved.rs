#[bus::interface]
trait Thermostat {
    #[topic]
    const SYSTEM: Topic<f64>;

    #[topic(name = "system.rooms")]
    const ROOMS: Topic<f64>;

    #[poke(name = "a/b")]
    fn both(&mut self, value: &f64);
}

fn main() {}
