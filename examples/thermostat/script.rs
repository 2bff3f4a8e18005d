//! A session without a user, in which all that the thermostat answers occurs once; what it should answer is checked.

use bus::Error;

use crate::Result;
use crate::client::{Session, print};
use crate::line;
use crate::rooms::{OUTSIDE_DURATIONS, OUTSIDE_LIMITS, UNKNOWN_ROOM};

/// How a line of the script is to end.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Done,
    Refused(u32),
    Busy,
    NoSuchItem,
}

const SCRIPT: [(&str, Expected); 15] = [
    ("list", Expected::Done),
    ("set kitchen 23.5", Expected::Done),
    ("show kitchen", Expected::Done),
    ("set kitchen 45", Expected::Refused(OUTSIDE_LIMITS)),
    ("set cellar 20", Expected::NoSuchItem),
    ("boost bath 30", Expected::Done),
    ("boost bath 10000", Expected::Refused(OUTSIDE_DURATIONS)),
    ("boost cellar 30", Expected::Refused(UNKNOWN_ROOM)),
    ("service study 240", Expected::Done),
    ("set study 22", Expected::Busy),
    ("boost study 5", Expected::Busy),
    ("alarms", Expected::Done),
    ("wait", Expected::Done),
    ("halt", Expected::Done),
    ("list", Expected::Done),
];

/// Plays the session.
pub(crate) fn play(session: &mut Session) -> Result<()> {
    for (text, expected) in SCRIPT {
        print(&format!("> {text}"))?;
        let order = line::parse(text)?.ok_or("a line of the script that says nothing")?;
        let outcome = session.carry_out(&order);
        if !expected.is(&outcome) {
            return Err(format!("`{text}` was to end with {expected:?}, and ended with {outcome:?}").into());
        }
        print(&outcome.unwrap_or_else(|error| error.to_string()))?;
    }
    Ok(())
}

impl Expected {
    fn is(self, outcome: &Result<String, Error>) -> bool {
        match (self, outcome) {
            (Expected::Done, Ok(_)) | (Expected::Busy, Err(Error::Busy { .. })) => true,
            (Expected::Refused(code), Err(Error::Refused { code: found, .. })) => code == *found,
            (Expected::NoSuchItem, Err(Error::NoSuchItem { .. })) => true,
            _ => false,
        }
    }
}
