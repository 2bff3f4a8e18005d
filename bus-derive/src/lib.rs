//! The macros of the `bus` crate; use them as `bus::Message` and `bus::interface`.
//!
//! `#[derive(Message)]` proves that a type can be placed in memory that other processes read, and describes
//! it. The work goes through four stages, each a file:
//!
//! ```text
//! attributes    what stands in #[repr], #[message] and the documentation
//! model         what the type is: its name, its fields or variants, each with its attributes
//! checks        what cannot be in shared memory, and what to use instead (refusals: type by type)
//! expansion     the implementation; or, after an error, a stand-in for it (fallback)
//! ```
//!
//! No stage stops at its first error. All are collected and reported at once, each at the place it is about,
//! and the type still gets an implementation, so that the only errors a user sees are those that are his to
//! mend.
//!
//! What syntax cannot show, the compiler proves about the expansion: that each field's type is a message, and
//! that the type does not implement `Drop`.
//!
//! `#[bus::interface]` goes through stages of the same names, in `interface`.

mod attributes;
mod checks;
mod errors;
mod expansion;
mod fallback;
mod field_checks;
#[cfg(test)]
mod golden_tests;
mod interface;
mod model;
mod refusals;

use errors::Errors;
use model::Model;
use proc_macro::TokenStream;
use proc_macro2::TokenStream as TokenStream2;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

/// Implements `bus::Message`, for a type that can be placed in shared memory.
///
/// | type | representation |
/// |---|---|
/// | struct, generic or not | `#[repr(C)]` or `#[repr(transparent)]` |
/// | enum, with data or without | `#[repr(u8)]` to `#[repr(u64)]`, `#[repr(i8)]` to `#[repr(i64)]`, or one of them with `C` |
/// | union | `#[repr(C)]`, with the promise `#[message(unsafe_any_bits)]` |
///
/// `align(n)` may be added to each. The fields are messages themselves, and so are the arguments of type
/// parameters. Anything else is refused, with an error that says what to use instead.
///
/// ```
/// use bus::Message;
///
/// /// Which way an order goes.
/// #[derive(Message)]
/// #[repr(u8)]
/// enum Side {
///     Buy,
///     Sell,
/// }
///
/// #[derive(Message)]
/// #[repr(C)]
/// struct Order {
///     /// In ticks.
///     price: i64,
///     side: Side,
/// }
///
/// let mut bytes = [0; size_of::<Order>()];
/// bytes[8] = 2;
/// let error = Order::validate(&bytes).unwrap_err();
/// assert_eq!(error.to_string(), "`side`: found 2, expected one of 0, 1 (enum `Side`)");
/// ```
///
/// # Attributes of a type
///
/// All are written in `#[message(…)]`, as many as you like in one.
///
/// - `name = "…"`: the name that peers compare, if not the type's own. The module never matters.
/// - `version = n`: the version of the definition, if not that of its newest field; only ever shown, and held
///   against the `since` of a peer's fields.
/// - `reply = Type`: the message is a command, which a service answers with a `Type`; see
///   [`bus::Command`](https://docs.rs/bus/latest/bus/trait.Command.html).
/// - `invariant = path`: a function that says whether a received value makes sense as a whole. It takes `&Self` and
///   returns `bool`, or `Result<(), E>` with an `E: Display` that says what is wrong.
/// - `deny_padding`: an error if the type has padding, which says where and which order of the fields has less.
/// - `bytemuck(NoUninit, Zeroable, AnyBitPattern, CheckedBitPattern)`: implements these traits of `bytemuck`, and is
///   an error where one does not hold.
/// - `unsafe_any_bits`: on a union, your promise that every byte of every value of it is initialised, whichever
///   field was written. That each field accepts all bits is checked, and that one of them fills the union.
/// - `no_docs`: documentation comments stay out of the schema, where they otherwise help whoever has no source.
/// - `no_tokens`: no constants for the fields, for a type that has constants of these names already.
/// - `crate = "path::to::bus"`: where the `bus` crate is, if not at `::bus`, because the dependency was renamed, or
///   is reached through another crate. The path is trusted: what it leads to is taken for `bus`.
///
/// # Attributes of a field
///
/// - `unit = "m/s"`: the unit of measurement. Peers compare it: metres are not feet.
/// - `range = 0.0..=1.0`, `1..`, `..=9`: what the number, or each number of an array, may be; both ends are included.
///   Checked when a value is received.
/// - `invariant = path`: as of a type, for the field alone.
/// - `since = n`: the field was appended in version `n`. Programs of other versions interoperate: older ones do not see
///   the field, and where a message lacks it, it has the value of
/// - `default = expression`, or that of `Default`.
/// - `rename = "…"`: the name that peers compare, also on a variant.
///
/// # What it generates
///
/// An implementation of `Message`, and for each field of a struct a constant by which the field is reached alone:
/// `Order::PRICE` of type [`bus::Field`](https://docs.rs/bus/latest/bus/struct.Field.html), `FIELD_0` in a tuple struct.
/// (A field named `type` has `FIELD_TYPE`, since `TYPE` is the trait's; of two names that differ in case alone, the first
/// has the constant.)
///
/// ```
/// use bus::Message;
///
/// #[derive(Message)]
/// #[repr(C)]
/// #[message(name = "Order", invariant = Order::is_worth_it)]
/// struct Order {
///     #[message(unit = "ticks", range = 1..)]
///     price: i64,
///     size: u32,
///     #[message(since = 2, default = 1)]
///     lot: u32,
/// }
///
/// impl Order {
///     fn is_worth_it(&self) -> Result<(), String> {
///         if self.size >= 10 { Ok(()) } else { Err(format!("a size of {}", self.size)) }
///     }
/// }
///
/// let mut bytes = [0; size_of::<Order>()];
/// Order::PRICE.write(&mut bytes, &5);
/// let error = Order::validate(&bytes).unwrap_err();
/// assert_eq!(error.to_string(), "found a size of 0, expected a value that `Order::is_worth_it` accepts");
/// ```
#[proc_macro_derive(Message, attributes(message))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// Makes of a trait what both sides of a service need: the dispatch of its server, and a typed client.
///
/// The server's state implements the trait. A member is one of these; those with one `name` are one topic:
///
/// | member | what it is |
/// |---|---|
/// | `#[topic] const NAME: Topic<T>;` | a topic, which the server publishes; its name is the constant's in lower case |
/// | `#[poke] fn name(&mut self, value: &T, …)` | answers pokes of the topic `name`, of which it makes one where there is none |
/// | `#[compute] fn name(&mut self, …) -> T` | computes items of the topic `name`; several are formats, the richest first |
/// | `#[execute] fn name(&mut self, …) -> T` | carries out a command |
///
/// A method takes `&mut self` or `&self`, and may take the `&Caller<'_>`, anywhere. It returns `T`, `Result<T, E>` where a
/// `Refusal` can be made from `E`, or nothing, which answers [`Ack`](https://docs.rs/bus/latest/bus/struct.Ack.html); or it takes a `Reply<T>`
/// to answer by at any time, from any thread or task. What is computed may be in a `Box<T>`, and so be a slice. `Box`, `Caller`,
/// `Reply`, `Result` and `Topic` are known by these names, whatever their path; `Topic` need not be imported.
///
/// The arguments of a command are the fields of a message, named after trait and method: `ThermostatHalt`. They are
/// messages, and `Clone` where they are taken by value. A lone argument that is a reference is the command itself: a message
/// of your own with `#[message(reply = …)]`, whose fields can have units and ranges.
///
/// ```
/// use bus::{Bus, Caller, Refusal};
///
/// /// Keeps rooms at the temperature that was asked for.
/// #[bus::interface]
/// trait Thermostat {
///     /// What was measured, by room.
///     #[topic(unit = "°C")]
///     const TEMPERATURE: Topic<f64>;
///
///     /// The wanted temperature of a room.
///     #[poke(unit = "°C")]
///     fn setpoint(&mut self, value: &f64, room: &Caller<'_>) -> Result<(), Refusal>;
///
///     /// Stops heating for so long; how many minutes it is off in all.
///     #[execute]
///     fn halt(&mut self, minutes: u64) -> u64;
/// }
///
/// struct House {
///     topics: ThermostatTopics,
///     off: u64,
/// }
///
/// impl Thermostat for House {
///     fn setpoint(&mut self, value: &f64, room: &Caller<'_>) -> Result<(), Refusal> {
///         if *value > 30.0 {
///             return Err("too hot".into());
///         }
///         self.topics.setpoint.item(room.item())?.publish(value)?;
///         Ok(())
///     }
///
///     fn halt(&mut self, minutes: u64) -> u64 {
///         self.off += minutes;
///         self.off
///     }
/// }
///
/// # fn main() -> bus::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = Bus::builder().directory(directory.path()).open("docs")?;
/// let service = bus.service("house")?;
/// let topics = ThermostatTopics::open(&service)?;
/// topics.temperature.item("kitchen")?.publish(&19.5)?;
/// let serving = service.serve(House { topics, off: 0 }, ThermostatTopics::handle)?;
/// service.ready()?;
///
/// let house = ThermostatClient::connect(&bus, "house").open()?;
/// assert_eq!(house.temperature().request("kitchen")?.value, 19.5);
/// house.setpoint().poke("kitchen", &21.0)?;
/// assert_eq!(house.setpoint().request("kitchen")?.value, 21.0);
/// assert_eq!(house.halt(5)?, 5);
/// assert!(service.help().contains("setpoint: f64, in °C (request, advise, poke)"));
/// # serving.stop()?;
/// # Ok(())
/// # }
/// ```
///
/// # What it generates
///
/// - The trait, without what is of the macro.
/// - `ThermostatTopics`, with a field for each topic: `open(&service)` opens them and adds the documentation to the service's
///   help, `handle(&mut handlers)` has the methods answer. Nothing is global: each service has its own topics and state, and
///   a service may have several interfaces.
/// - `ThermostatTopicsBuilder`, which `ThermostatTopics::builder(&service)` begins and `open` ends, to give topics
///   [options](https://docs.rs/bus/latest/bus/struct.TopicBuilder.html) between the two: its fields are topics that are being set up, as
///   in `topics.temperature = topics.temperature.stamps(true)`.
/// - `ThermostatClient`, which `connect(&bus, "name")` begins: a method for each topic with its conversation, by which one requests,
///   advises and pokes; for each command `halt`, `begin_halt` and `halt_async`. A service that lacks a topic is
///   an error of `open`; whether it has all commands now is what `check` says, or `check_async`.
/// - The message of each command, and as a constant `HELP` the text for the service's help.
///
/// All of it is the plain interface of `bus`, so either side can be written by hand. A member that is `#[deprecated]` is so for
/// clients.
///
/// # Arguments
///
/// - `#[bus::interface(crate = "path::to::bus")]`: where the `bus` crate is, if not at `::bus`.
/// - `#[topic(name = "…")]`, and the same of `#[poke]` and `#[compute]`: the topic's name, if not the member's.
/// - `#[topic(unit = "m/s")]`, likewise: the unit of the topic's values, for the service's help. It is for people: what peers
///   compare is the unit of a message's field.
#[proc_macro_attribute]
pub fn interface(arguments: TokenStream, input: TokenStream) -> TokenStream {
    interface::interface(arguments.into(), input.into()).into()
}

/// The four stages.
fn derive(input: &DeriveInput) -> TokenStream2 {
    let mut errors = Errors::default();
    let model = Model::of(input, &mut errors);
    checks::check(&model, &mut errors);
    match errors.into_compile_errors() {
        None => expansion::expand(&model),
        Some(compile_errors) => {
            let stand_in = fallback::expand(&model);
            quote!(#compile_errors #stand_in)
        }
    }
}
