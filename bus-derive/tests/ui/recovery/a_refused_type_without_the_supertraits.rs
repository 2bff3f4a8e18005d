use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Window {
    handle: *mut u8,
    name: std::rc::Rc<u32>,
}

fn main() {}
