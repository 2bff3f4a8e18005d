//! What a trait declares with `#[bus::interface]` is what another process can do with the service.

mod support;

use bus::{Caller, Error, Message, Refusal, Reply};
use support::{LIMIT, Place, Test, roles};

roles!(house);

/// For how long heating is off.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Halted {
    minutes: u64,
    hard: u64,
}

/// A command of its own.
#[derive(Message, Debug)]
#[message(reply = u64)]
#[repr(C)]
struct Order {
    litres: u64,
}

/// Keeps rooms at the temperature that was asked for.
#[bus::interface]
trait Thermostat {
    /// What was measured, by room.
    #[topic(unit = "°C")]
    const TEMPERATURE: Topic<f64>;

    /// The wanted temperature of a room.
    #[poke(unit = "°C")]
    fn setpoint(&mut self, value: &f64, room: &Caller<'_>) -> Result<(), Refusal>;

    /// The same for all rooms.
    #[compute]
    fn mean(&self) -> f64;

    /// In words.
    #[compute(name = "mean")]
    fn mean_in_words(&mut self, room: &Caller<'_>) -> Result<bus::FixedStr<64>, Refusal>;

    /// Stops heating for so long.
    #[execute]
    fn halt(&mut self, minutes: u64, hard: bool) -> Result<Halted, Refusal>;

    /// Buys oil.
    #[execute]
    fn order(&mut self, order: &Order, caller: &Caller<'_>, reply: Reply<u64>);

    /// Forgets.
    #[execute]
    fn reset(&mut self);
}

/// What a client of another version asks for.
#[bus::interface]
trait Other {
    /// There is none.
    #[topic]
    const PRESSURE: Topic<f64>;
}

/// As much.
#[bus::interface]
trait More {
    /// There is none.
    #[execute]
    fn explode(&mut self);
}

struct House {
    topics: ThermostatTopics,
    off: u64,
}

impl Thermostat for House {
    fn setpoint(&mut self, value: &f64, room: &Caller<'_>) -> Result<(), Refusal> {
        if *value > 30.0 {
            return Err(Refusal::new(7, "too hot"));
        }
        self.topics.setpoint.item(room.item())?.publish(value)?;
        Ok(())
    }

    fn mean(&self) -> f64 {
        20.5
    }

    fn mean_in_words(&mut self, room: &Caller<'_>) -> Result<bus::FixedStr<64>, Refusal> {
        Ok(bus::FixedStr::truncated(&format!("mild in {}", room.item())))
    }

    fn halt(&mut self, minutes: u64, hard: bool) -> Result<Halted, Refusal> {
        if minutes == 0 {
            return Err("for no time".into());
        }
        self.off += minutes;
        Ok(Halted { minutes: self.off, hard: hard.into() })
    }

    fn order(&mut self, order: &Order, caller: &Caller<'_>, reply: Reply<u64>) {
        assert_ne!(caller.pid(), 0);
        let litres = order.litres;
        std::thread::spawn(move || reply.answer(&(litres * 2)));
    }

    fn reset(&mut self) {
        self.off = 0;
    }
}

/// Two services of one interface, each with its own state.
fn house(test: &mut Test) {
    let bus = test.bus();
    let houses = ["north", "south"].map(|name| {
        let service = bus.service(name).unwrap();
        let topics = ThermostatTopics::open(&service).unwrap();
        topics.temperature.item("kitchen").unwrap().publish(&19.5).unwrap();
        let serving = service.serve(House { topics, off: 0 }, ThermostatTopics::handle).unwrap();
        service.ready().unwrap();
        (service, serving)
    });
    test.say(houses[0].0.help().replace('\n', "|"));
    test.hear();
}

#[test]
fn a_client_does_in_another_process_what_the_trait_declares() {
    let place = Place::new();
    let mut house = place.start("house");
    house.hear();
    let bus = place.bus();
    let client = ThermostatClient::connect(&bus, "north").open().unwrap().with_timeout(LIMIT);
    client.check().unwrap();
    smol::block_on(client.check_async()).unwrap();

    assert_eq!(client.temperature().request("kitchen").unwrap().value, 19.5);
    client.setpoint().poke("kitchen", &21.0).unwrap();
    assert_eq!(client.setpoint().advise("kitchen").hot().unwrap().recv().unwrap().value, 21.0);
    assert!(matches!(client.setpoint().poke("kitchen", &31.0), Err(Error::Refused { code: 7, .. })));
    assert!(matches!(client.temperature().poke("kitchen", &1.0), Err(Error::NotSupported { .. })));

    assert_eq!(client.mean().request("all").unwrap().value, 20.5);
    assert_eq!(client.mean().request_as::<bus::FixedStr<64>>("Bern").unwrap(), *"mild in Bern");

    assert_eq!(client.halt(5, true).unwrap(), Halted { minutes: 5, hard: 1 });
    assert_eq!(client.begin_halt(2, false).unwrap().wait().unwrap(), Halted { minutes: 7, hard: 0 });
    assert!(matches!(client.halt(0, false), Err(Error::Refused { code: 0, .. })));
    assert_eq!(client.order(&Order { litres: 21 }).unwrap(), 42);
    client.reset().unwrap();
    assert_eq!(smol::block_on(client.halt_async(1, false)).unwrap(), Halted { minutes: 1, hard: 0 });

    // The same by the plain interface.
    let by_hand = bus.client("north").open().unwrap().with_timeout(LIMIT);
    assert_eq!(by_hand.execute(&ThermostatHalt { minutes: 1, hard: false }).unwrap().minutes, 2);
}

#[test]
fn services_of_one_interface_have_a_state_each() {
    let place = Place::new();
    let mut house = place.start("house");
    house.hear();
    let bus = place.bus();
    let [north, south] = ["north", "south"]
        .map(|name| ThermostatClient::connect(&bus, name).open().unwrap().with_timeout(LIMIT));
    assert_eq!(north.halt(5, false).unwrap().minutes, 5);
    assert_eq!(south.halt(1, false).unwrap().minutes, 1);
    north.setpoint().poke("kitchen", &18.0).unwrap();
    assert!(matches!(south.setpoint().request("kitchen"), Err(Error::NoSuchItem { .. })));
}

#[test]
fn the_documentation_is_the_help_of_the_service() {
    let place = Place::new();
    let mut house = place.start("house");
    let expected = "\
Thermostat

Keeps rooms at the temperature that was asked for.

Topics
  temperature: f64, in °C (request, advise)
      What was measured, by room.
  setpoint: f64, in °C (request, advise, poke)
      The wanted temperature of a room.
  mean: f64 (request, advise, compute as f64, compute as bus::FixedStr<64>)
      The same for all rooms.
      In words.

Commands
  halt(minutes: u64, hard: bool) -> Halted
      Stops heating for so long.
  order(order: Order) -> u64
      Buys oil.
  reset()
      Forgets.
";
    assert_eq!(house.hear().replace('|', "\n"), expected);
}

#[test]
fn a_service_that_lacks_what_is_declared_is_told_of() {
    let place = Place::new();
    let mut house = place.start("house");
    house.hear();
    let bus = place.bus();
    assert!(matches!(OtherClient::connect(&bus, "north").open(), Err(Error::NoSuchTopic { .. })));
    assert!(matches!(OtherClient::connect(&bus, "nowhere").open(), Err(Error::NoSuchService { .. })));
    let more = MoreClient::connect(&bus, "north").open().unwrap();
    let checked_async = smol::block_on(more.check_async()).unwrap_err();
    for error in [more.check().unwrap_err(), checked_async, more.explode().unwrap_err()] {
        match error {
            Error::NotSupported { what, supported, .. } => {
                assert_eq!(what, "More::explode");
                assert!(supported.contains("`Thermostat::halt`"), "{supported}");
            }
            other => panic!("{other:?}"),
        }
    }
}
