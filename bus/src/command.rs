//! Commands: what a client has a service carry out, and what it gets for it.

use bus_derive::Message;

use crate::message::{Fingerprint, Message};

/// A message that a service carries out, and answers with a message of another type.
///
/// Made by the derive: `#[message(reply = …)]` on a message makes it a command.
///
/// Both sides have to define it, and its reply, in the same way: a value that is read may be of another version of its type, a
/// command may not, and is [`NotSupported`](crate::Error::NotSupported) then. For a command of another version there is another
/// handler, of a message with another name.
///
/// ```
/// #[derive(bus::Message)]
/// #[repr(C)]
/// struct Placed {
///     order: u64,
/// }
///
/// #[derive(bus::Message)]
/// #[message(reply = Placed)]
/// #[repr(C)]
/// struct Buy {
///     price: f64,
///     quantity: f64,
/// }
///
/// /// Carried out, and there is nothing to be said.
/// #[derive(bus::Message)]
/// #[message(reply = bus::Ack)]
/// #[repr(C)]
/// struct Halt {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command: nothing says what it is answered with",
    label = "does not implement `Command`",
    note = "for your own message, add `#[message(reply = Type)]` to its definition, or `reply = bus::Ack` for no more \
            than yes",
    note = "in `#[bus::interface]` a lone reference is the command itself; take an argument by value, or \
            declare a command"
)]
pub trait Command: Message {
    /// What the service answers.
    type Reply: Message;
}

/// The answer that says yes and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Message)]
#[message(crate = "crate")]
#[repr(C)]
pub struct Ack {}

/// What a request for `C` is known by: the types of both the command and its reply.
pub(crate) const fn call_of<C: Command>() -> Fingerprint {
    call_of_types(C::FINGERPRINT, <C::Reply as Message>::FINGERPRINT)
}

/// As [`call_of`], of a command and a reply of these types.
pub(crate) const fn call_of_types(command: Fingerprint, reply: Fingerprint) -> Fingerprint {
    Fingerprint::from_bits(command.to_bits() ^ reply.to_bits().rotate_left(61))
}
