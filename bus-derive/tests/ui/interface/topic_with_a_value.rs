#[bus::interface]
trait Thermostat {
    #[topic]
    const TEMPERATURE: Topic<f64> = 20.5;
}

fn main() {}
