struct Position {
    x: f64,
}

fn publish<T: bus::Message>(_: &T) {}

fn main() {
    publish(&Position { x: 0.0 });
    publish(&0_usize);
}
