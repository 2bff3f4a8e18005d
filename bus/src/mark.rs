//! What a publisher says of a value besides the value: how far it can be relied on.
//!
//! A sensor that is being calibrated, a price from a feed that has gone quiet, a sum of which one part is missing: the
//! value is there, and should not be taken at its word. As in OPC, a [`Mark`] has a [`Severity`] and a code whose
//! meaning is the publisher's own. It travels beside the value, in a word of the slot that is written anyway, so that
//! it costs a publisher nothing and a reader one load of a line that it has ([`envelope`](crate::envelope)).
//!
//! ```text
//! bits 0–15 the code | 16–17 the severity | others 0
//! ```
//!
//! The word comes from another process, so that any bits are a mark: those that mean nothing yet are not looked at,
//! and a severity that there is not is [`Bad`](Severity::Bad).

use core::fmt;

/// How far a value can be relied on, as its publisher says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Severity {
    /// It can be.
    #[default]
    Good,
    /// It may be wrong, or old.
    Uncertain,
    /// It cannot be.
    Bad,
}

/// What a publisher says of a value: a [`Severity`], and a code of its own; see
/// [`Item::marked`](crate::Item::marked). A plain publish says [`GOOD`](Mark::GOOD).
///
/// ```
/// use bus::{Mark, Severity};
///
/// /// No answer from the sensor: the value is the last that there was.
/// const NO_ANSWER: Mark = Mark::bad(17);
///
/// assert_eq!((NO_ANSWER.severity(), NO_ANSWER.code()), (Severity::Bad, 17));
/// assert_eq!(NO_ANSWER.to_string(), "bad (17)");
/// assert_eq!(Mark::default(), Mark::GOOD);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Mark {
    severity: Severity,
    code: u16,
}

impl Mark {
    /// Good, and nothing to add: what a plain publish says.
    pub const GOOD: Mark = Mark::good(0);

    /// Good, with a code: 0 to say no more.
    pub const fn good(code: u16) -> Self {
        Mark { severity: Severity::Good, code }
    }

    /// Uncertain, with a code: 0 to say no more.
    pub const fn uncertain(code: u16) -> Self {
        Mark { severity: Severity::Uncertain, code }
    }

    /// Bad, with a code: 0 to say no more.
    pub const fn bad(code: u16) -> Self {
        Mark { severity: Severity::Bad, code }
    }

    /// How far the value can be relied on.
    pub const fn severity(self) -> Severity {
        self.severity
    }

    /// The publisher's code; 0 where it says no more.
    pub const fn code(self) -> u16 {
        self.code
    }

    #[inline(always)]
    pub(crate) const fn to_bits(self) -> u32 {
        let severity = match self.severity {
            Severity::Good => 0,
            Severity::Uncertain => 1,
            Severity::Bad => 2,
        };
        severity << 16 | self.code as u32
    }

    /// From bits of another process, whatever they are.
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u32) -> Self {
        let severity = match bits >> 16 & 3 {
            0 => Severity::Good,
            1 => Severity::Uncertain,
            _ => Severity::Bad,
        };
        Mark { severity, code: bits as u16 }
    }
}

/// "good", "uncertain" or "bad", with the code behind it unless that is 0.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.severity {
            Severity::Good => "good",
            Severity::Uncertain => "uncertain",
            Severity::Bad => "bad",
        })?;
        match self.code {
            0 => Ok(()),
            code => write!(f, " ({code})"),
        }
    }
}

/// What to think of an update, all in all; see [`Update::quality`](crate::Update::quality).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quality {
    /// The value is what it should be.
    Good,
    /// The service is gone, and this is the last value that there was.
    Stale,
    /// The publisher has marked it, with something else than [`Mark::GOOD`].
    Marked(Mark),
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_from_its_bits() {
        for code in [0, 1, 77, u16::MAX] {
            for mark in [Mark::good(code), Mark::uncertain(code), Mark::bad(code)] {
                assert_eq!(Mark::from_bits(mark.to_bits()), mark);
            }
        }
        assert_eq!(Mark::GOOD.to_bits(), 0, "a plain publish stores the size alone");
    }

    #[test]
    fn any_bits_are_a_mark() {
        assert_eq!(Mark::from_bits(u32::MAX), Mark::bad(u16::MAX));
        assert_eq!(Mark::from_bits(0xfffc_0005), Mark::good(5), "bits without a meaning are not looked at");
        assert_eq!(Mark::from_bits(0x0003_0000), Mark::bad(0));
    }
}
