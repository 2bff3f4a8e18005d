use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Lease {
    id: u64,
}

impl Drop for Lease {
    fn drop(&mut self) {}
}

fn main() {}
