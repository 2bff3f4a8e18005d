//! Names of buses, services, topics and items, and the addresses made of them.
//!
//! A name is 1–255 bytes of UTF-8 without `/` and without control characters; case matters. `*` alone is a
//! pattern that matches every name, so it is not a name itself. An address is `service/topic` or
//! `service/topic/item`.

use crate::error::Error;

/// The most bytes a name has.
pub(crate) const MAX_BYTES: usize = 255;

/// The pattern that matches every name.
pub(crate) const ANY: &str = "*";

/// Checks a name; `what` says what it names, for the error.
///
/// # Errors
/// [`Error::InvalidName`] with what is wrong.
pub(crate) fn check<'n>(what: &'static str, name: &'n str) -> Result<&'n str, Error> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_BYTES {
        "it is longer than 255 bytes"
    } else if name.contains('/') {
        "it contains `/`, which separates the parts of an address"
    } else if name.chars().any(char::is_control) {
        "it contains a control character"
    } else if name == ANY {
        "`*` is the pattern for all names"
    } else {
        return Ok(name);
    };
    Err(Error::InvalidName { what, name: name.to_owned(), reason })
}

/// Splits `service/topic` and checks both names.
///
/// # Errors
/// [`Error::InvalidName`] if there are not exactly two parts, or one is no name.
pub(crate) fn service_and_topic(address: &str) -> Result<(&str, &str), Error> {
    match address.split_once('/') {
        Some((service, topic)) if !topic.contains('/') => {
            Ok((check("service", service)?, check("topic", topic)?))
        }
        _ => Err(Error::InvalidName {
            what: "address",
            name: address.to_owned(),
            reason: "expected `service/topic`",
        }),
    }
}

/// Whether `pattern`, a name or `*`, matches `name`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    pattern == ANY || pattern == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "Ünïcode name.*", &"x".repeat(255), ".."] {
            assert_eq!(check("item", good).unwrap(), good);
        }
        for (bad, reason) in [
            ("", "empty"),
            ("a/b", "`/`"),
            ("a\nb", "control"),
            ("*", "pattern"),
            (&"x".repeat(256)[..], "255"),
        ] {
            let error = check("item", bad).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("item"), "{error}");
        }
    }

    #[test]
    fn addresses_have_two_parts() {
        assert_eq!(service_and_topic("market/nyse").unwrap(), ("market", "nyse"));
        for bad in ["market", "market/nyse/AAPL", "/nyse", "market/", ""] {
            assert!(service_and_topic(bad).is_err(), "{bad}");
        }
    }
}
