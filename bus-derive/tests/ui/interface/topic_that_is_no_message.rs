struct Order {
    litres: u64,
}

#[bus::interface]
trait Thermostat {
    #[topic]
    const ORDERS: Topic<Order>;
}

fn main() {}
