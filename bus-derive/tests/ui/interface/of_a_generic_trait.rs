#[bus::interface]
trait Thermostat<T> {
    #[topic]
    const TEMPERATURE: Topic<T>;
}

#[bus::interface]
trait Boiler
where
    Self: Send,
{
}

fn main() {}
