use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: std::rc::Rc<u32>,
}

fn main() {}
