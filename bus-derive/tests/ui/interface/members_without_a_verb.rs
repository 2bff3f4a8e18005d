#[bus::interface]
trait Thermostat {
    fn halt(&mut self);

    const LIMIT: f64;

    type Room;
}

fn main() {}
