#[derive(Clone)]
struct Order {
    litres: u64,
}

#[bus::interface]
trait Thermostat {
    #[execute]
    fn order(&mut self, order: Order, hard: bool);
}

fn main() {}
