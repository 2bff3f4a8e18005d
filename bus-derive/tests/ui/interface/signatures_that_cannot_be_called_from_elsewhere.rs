#[bus::interface]
trait Thermostat {
    #[execute]
    async fn wait(&mut self);

    #[execute]
    unsafe fn force(&mut self);

    #[execute]
    fn stop(self);

    #[execute]
    fn close(self: Box<Self>);

    #[execute]
    fn begin(minutes: u64);

    #[execute]
    fn choose<T>(&mut self, value: T);

    #[execute]
    fn change(&mut self, minutes: &mut u64);

    #[execute]
    fn merge(&mut self, other: Option<Self>);
}

fn main() {}
