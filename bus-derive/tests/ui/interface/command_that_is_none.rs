/// A message, which nothing is answered to.
#[derive(bus::Message)]
#[repr(C)]
struct Order {
    litres: u64,
}

#[bus::interface]
trait Thermostat {
    #[execute]
    fn order(&mut self, order: &Order);
}

fn main() {}
