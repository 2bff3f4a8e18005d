#[bus::interface(path = "my::bus")]
trait Thermostat {
    #[topic(history = 4)]
    const TEMPERATURE: Topic<f64>;

    #[poke(name)]
    fn limit(&mut self, value: &f64);

    #[execute(name = "stop")]
    fn halt(&mut self);
}

fn main() {}
