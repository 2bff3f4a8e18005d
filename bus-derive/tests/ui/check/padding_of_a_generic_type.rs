//! A generic type is looked at where it is used: in a constant, as early as `cargo check`.

use bus::Message;
use bus::message::Fingerprint;

#[derive(Message)]
#[message(deny_padding)]
#[repr(C)]
struct Sample<T> {
    time: u64,
    value: T,
}

const _: Fingerprint = <Sample<u64>>::FINGERPRINT;
const _: Fingerprint = <Sample<u16>>::FINGERPRINT;

fn main() {}
