struct Order {
    litres: u64,
}

#[bus::interface]
trait Thermostat {
    #[execute]
    fn order(&mut self, litres: u64) -> Order;
}

fn main() {}
