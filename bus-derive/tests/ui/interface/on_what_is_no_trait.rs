#[bus::interface]
struct Thermostat {
    limit: f64,
}

#[bus::interface]
fn halt() {}

fn main() {}
