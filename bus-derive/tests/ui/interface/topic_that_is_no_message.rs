struct Order {
    litres: u64,
}

#[bus::interface]
trait Thermostat {
    #[topic]
    const ORDERS: Topic<Order>;

    #[poke]
    fn last(&mut self, value: &Order);

    #[compute]
    fn next(&self) -> Result<Order, bus::Refusal>;
}

fn main() {}
