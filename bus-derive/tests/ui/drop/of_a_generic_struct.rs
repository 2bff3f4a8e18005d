use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Lease<T> {
    holder: T,
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {}
}

fn main() {}
