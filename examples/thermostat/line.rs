//! What a line of text asks for.

use crate::rooms::{LIMITS, RoomName};

pub(crate) const HELP: &str = "\
list                 all rooms
show ROOM            one of them
set ROOM CELSIUS     its setpoint
boost ROOM MINUTES   heat it more for a while
service ROOM MINUTES have its heating serviced: it takes no orders meanwhile
halt                 all heating off
alarms               rooms that are too cold or too hot
wait                 until an alarm comes or goes
help, quit";

/// A command of the user's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    List,
    Show(String),
    Set(String, f64),
    Boost(RoomName, u64),
    Maintain(RoomName, u64),
    Halt,
    Alarms,
    Wait,
    Help,
    Quit,
}

/// Reads a line; `None` where it is empty or a comment.
///
/// # Errors
/// What is wrong with it, and what is right.
pub(crate) fn parse(line: &str) -> Result<Option<Order>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let order = match *words.as_slice() {
        [] => return Ok(None),
        [first, ..] if first.starts_with('#') => return Ok(None),
        ["list"] => Order::List,
        ["show", room] => Order::Show(room.to_owned()),
        ["set", room, celsius] => Order::Set(room.to_owned(), number(celsius)?),
        ["boost", room, time] => Order::Boost(name(room)?, minutes(time)?),
        ["service", room, time] => Order::Maintain(name(room)?, minutes(time)?),
        ["halt"] => Order::Halt,
        ["alarms"] => Order::Alarms,
        ["wait"] => Order::Wait,
        ["help"] => Order::Help,
        ["quit" | "exit"] => Order::Quit,
        [first, ..] => {
            let usage = HELP.lines().find(|usage| usage.split([' ', ',']).next() == Some(first));
            return Err(match usage {
                Some(usage) => format!("expected: {usage}"),
                None => format!("there is no command `{first}`; `help` lists those that there are"),
            });
        }
    };
    Ok(Some(order))
}

fn number(word: &str) -> Result<f64, String> {
    let (low, high) = LIMITS.into_inner();
    word.parse().map_err(|_| format!("`{word}` is no temperature; expected °C, from {low} to {high}"))
}

fn minutes(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("`{word}` is no time; expected whole minutes"))
}

fn name(word: &str) -> Result<RoomName, String> {
    RoomName::try_from(word).map_err(|_| format!("`{word}` is too long for a room's name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_orders_or_nothing() {
        assert_eq!(parse("  set kitchen  21.5 "), Ok(Some(Order::Set("kitchen".to_owned(), 21.5))));
        let bath = RoomName::truncated("bath");
        assert_eq!(parse("boost bath 30"), Ok(Some(Order::Boost(bath, 30))));
        assert_eq!([parse(""), parse("# a comment")], [Ok(None), Ok(None)]);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (line, expected) in [
            ("open window", "there is no command `open`; `help` lists those that there are"),
            ("set kitchen", "expected: set ROOM CELSIUS     its setpoint"),
            ("set kitchen warm", "`warm` is no temperature; expected °C, from 5 to 30"),
            ("boost bath -1", "`-1` is no time; expected whole minutes"),
        ] {
            assert_eq!(parse(line), Err(expected.to_owned()));
        }
        assert!(parse(&format!("boost {} 1", "x".repeat(33))).is_err());
    }

    #[test]
    fn all_that_help_says_is_understood() {
        for usage in HELP.lines() {
            let first = usage.split([' ', ',']).next().unwrap();
            let line = match usage {
                _ if usage.contains("CELSIUS") => format!("{first} bath 20"),
                _ if usage.contains("MINUTES") => format!("{first} bath 5"),
                _ if usage.contains("ROOM") => format!("{first} bath"),
                _ => first.to_owned(),
            };
            assert!(matches!(parse(&line), Ok(Some(_))), "{line}");
        }
    }
}
