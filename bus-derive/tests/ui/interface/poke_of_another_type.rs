#[bus::interface]
trait Thermostat {
    #[topic]
    const LIMIT: Topic<f64>;

    #[poke]
    fn limit(&mut self, value: &f32);

    #[poke]
    fn setpoint(&mut self, value: f64);
}

fn main() {}
