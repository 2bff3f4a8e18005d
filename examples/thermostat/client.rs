//! The client: carries out what the user says, and prints what changes meanwhile.
//!
//! It sleeps in one wait set until there is a line, or a change. Temperatures come by a hot link, which delivers only what
//! differs by half a degree. Alarms come by a warm link: it says that one has changed, and the client asks for it.
//!
//! When the service goes, each link says so once, and goes on by itself when the service is back; so does the client.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use bus::{Bus, Deadband, Error, Event, Hot, Link, WaitSet, Warm};

use crate::line::{self, HELP, Order};
use crate::rooms::{Alarm, SERVICE, ThermostatClient};
use crate::{Result, script};

/// How long a client waits for the service to appear, and `wait` for an alarm.
const PATIENCE: Duration = Duration::from_secs(30);
/// The change of a temperature that is worth a line, in °C.
const WORTH_A_LINE: f64 = 0.5;

/// What the client waits for.
#[derive(Clone, Copy)]
enum Ready {
    Line,
    Temperature,
    Alarm,
}

/// Takes orders from standard input, or plays the script: where that is wanted, or there is no input.
pub(crate) fn talk(bus: &Bus, plays_script: bool) -> Result<()> {
    let mut session = Session::open(bus)?;
    if plays_script {
        return script::play(&mut session);
    }
    let mut set = WaitSet::new()?;
    set.add(&mut session.changes, Ready::Temperature)?;
    set.add(&mut session.alarmed, Ready::Alarm)?;
    let input = read_lines(set.event(Ready::Line));
    let mut has_input = io::stdin().is_terminal();
    if has_input {
        println!("`help` lists what you can say.");
    }
    loop {
        for ready in set.wait()? {
            match ready {
                Ready::Temperature => session.print_changes()?,
                Ready::Alarm => session.print_alarms()?,
                Ready::Line => {
                    while let Ok(line) = input.try_recv() {
                        let Some(line) = line? else {
                            return if has_input { Ok(()) } else { script::play(&mut session) };
                        };
                        has_input = true;
                        if session.obey(&line)? {
                            return Ok(());
                        }
                    }
                }
            }
        }
    }
}

/// Lines of standard input, and `None` at its end; the event is raised with each. A thread reads them, since a file has
/// nothing that could be waited for.
fn read_lines(event: Event) -> Receiver<io::Result<Option<String>>> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let all = io::stdin().lock().lines().map(|line| line.map(Some)).chain([Ok(None)]);
        for line in all {
            if sender.send(line).is_err() {
                return;
            }
            event.raise();
        }
    });
    lines
}

/// The thermostat, and links to it.
pub(crate) struct Session {
    thermostat: ThermostatClient,
    changes: Link<Hot<f64>>,
    alarmed: Link<Warm>,
}

impl Session {
    fn open(bus: &Bus) -> Result<Self> {
        let thermostat = match ThermostatClient::connect(bus, SERVICE).open() {
            Err(Error::NoSuchService { .. }) => {
                print("there is no thermostat yet; it is waited for")?;
                ThermostatClient::connect(bus, SERVICE).wait(PATIENCE).open()?
            }
            other => other?,
        };
        Ok(Session {
            changes: thermostat
                .temperature()
                .advise("*")
                .deadband(Deadband::Absolute(WORTH_A_LINE))
                .prime(false)
                .hot()?,
            alarmed: thermostat.alarm().advise("*").prime(false).warm()?,
            thermostat,
        })
    }

    /// Does what a line says, and prints the outcome; whether the user has had enough. What goes wrong is said, and is no
    /// error.
    fn obey(&mut self, line: &str) -> Result<bool> {
        let order = match line::parse(line) {
            Ok(None) => return Ok(false),
            Ok(Some(Order::Quit)) => return Ok(true),
            Ok(Some(order)) => order,
            Err(wrong) => {
                print(&wrong)?;
                return Ok(false);
            }
        };
        match self.carry_out(&order) {
            Ok(text) => print(&text)?,
            Err(Error::Busy { retry_after, .. }) => {
                print(&format!("not now; again in {:.1} s", retry_after.as_secs_f64()))?;
            }
            Err(Error::Refused { reason, .. }) => print(&format!("refused: {reason}"))?,
            Err(Error::NoSuchItem { item, .. }) => print(&format!("there is no room `{item}`"))?,
            Err(error) => print(&error.to_string())?,
        }
        Ok(false)
    }

    /// Does what the user wants; what there is to say.
    pub(crate) fn carry_out(&mut self, order: &Order) -> Result<String, Error> {
        match order {
            Order::List => {
                let rooms: Result<Vec<_>, _> =
                    self.thermostat.temperature().items().iter().map(|room| self.show(room)).collect();
                Ok(rooms?.join("\n"))
            }
            Order::Show(room) => self.show(room),
            Order::Set(room, celsius) => {
                self.thermostat.setpoint().poke(room, celsius)?;
                Ok(format!("{room} will be at {celsius:.1} °C"))
            }
            Order::Boost(room, minutes) => {
                let until = self.thermostat.boost(*room, *minutes)?;
                Ok(format!("{room} is boosted until minute {until}"))
            }
            Order::Maintain(room, minutes) => {
                self.thermostat.maintain(*room, *minutes)?;
                Ok(format!("{room} is serviced for {minutes} minutes"))
            }
            Order::Halt => {
                self.thermostat.halt()?;
                Ok("all heating is off".to_owned())
            }
            Order::Alarms => {
                let mut text = Vec::new();
                let alarms = self.thermostat.alarm();
                for room in alarms.items().iter() {
                    match alarms.request(room)?.value {
                        Alarm::None => {}
                        alarm => text.push(say(room, alarm)),
                    }
                }
                Ok(if text.is_empty() { "no alarms".to_owned() } else { text.join("\n") })
            }
            Order::Wait => {
                let alarms = self.thermostat.alarm();
                let room = alarms.name(self.alarmed.recv_timeout(PATIENCE)?.item);
                Ok(say(&room, alarms.request(&room)?.value))
            }
            Order::Help => Ok(HELP.to_owned()),
            Order::Quit => Ok(String::new()),
        }
    }

    fn show(&self, room: &str) -> Result<String, Error> {
        let now = self.thermostat.temperature().request(room)?;
        let setpoint = self.thermostat.setpoint().request(room)?.value;
        let last = if now.stale { ", when it was last heard of" } else { "" };
        Ok(format!("{room:<10}{:>6.1} °C   set to {setpoint:.1} °C{last}", now.value))
    }

    fn print_changes(&mut self) -> Result<()> {
        loop {
            match self.changes.try_recv() {
                Ok(Some(update)) => {
                    if update.gap {
                        print("  = the thermostat is back")?;
                    }
                    let room = self.thermostat.temperature().name(update.item);
                    print(&format!("  ~ {room} is at {:.1} °C", update.value))?;
                }
                Ok(None) => return Ok(()),
                Err(Error::Stale { reason, .. }) => print(&format!("  = the thermostat is gone: {reason}"))?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn print_alarms(&mut self) -> Result<()> {
        loop {
            match self.alarmed.try_recv() {
                Ok(Some(notice)) => {
                    let alarms = self.thermostat.alarm();
                    let room = alarms.name(notice.item);
                    print(&format!("  ! {}", say(&room, alarms.request(&room)?.value)))?;
                }
                Ok(None) => return Ok(()),
                Err(Error::Stale { .. }) => {} // as the other link says
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn say(room: &str, alarm: Alarm) -> String {
    let what = match alarm {
        Alarm::None => "as it should be",
        Alarm::TooCold => "too cold",
        Alarm::TooHot => "too hot",
    };
    format!("{room} is {what}")
}

/// Prints lines at once, so that they come in order also by a pipe.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}
