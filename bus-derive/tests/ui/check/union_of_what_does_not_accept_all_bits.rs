use bus::Message;
use bus::message::Fingerprint;

#[derive(Message, Clone, Copy)]
#[message(unsafe_any_bits)]
#[repr(C)]
union Overlay<T: Copy> {
    bytes: [u8; 4],
    value: T,
}

const _: Fingerprint = <Overlay<u32>>::FINGERPRINT;
const _: Fingerprint = <Overlay<char>>::FINGERPRINT;

fn main() {}
