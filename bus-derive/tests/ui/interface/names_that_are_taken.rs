#[bus::interface]
trait Thermostat {
    #[topic]
    const HALT: Topic<f64>;

    #[execute]
    fn halt(&mut self);

    #[execute]
    fn client(&self);

    #[topic]
    const TEMPERATURE: Topic<f64>;

    #[topic(name = "temperature")]
    const HEAT: Topic<f64>;
}

fn main() {}
