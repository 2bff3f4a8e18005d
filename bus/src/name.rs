//! Names of buses, services, topics and items, and the addresses made of them.
//!
//! A name is 1–255 bytes of UTF-8 without `/` and without control characters; case matters. `*` alone is a
//! pattern that matches every name, so it is not a name itself. An address is `service/topic` or
//! `service/topic/item`.
//!
//! A *pattern* is a name, which matches itself, or a beginning and `*`, as in `md-*`, which matches every name that begins so.
//! There is one matcher for services, topics and items, here. A `*` anywhere else is a character like any other. Names
//! may end in `*`, though it is not wise: a pattern that looks like one matches it too, with others.

use crate::error::Error;

/// The most bytes a name has.
pub(crate) const MAX_BYTES: usize = 255;

/// The pattern that matches every name.
pub(crate) const ANY: &str = "*";

/// At its end, what makes a name a pattern for all names that begin so.
const REST: char = '*';

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

/// Checks a pattern.
///
/// # Errors
/// [`Error::InvalidName`] where nothing that has a valid name can match it.
pub(crate) fn check_pattern<'n>(what: &'static str, pattern: &'n str) -> Result<&'n str, Error> {
    if pattern == ANY { Ok(pattern) } else { check(what, pattern) }
}

/// Whether several names may match a pattern.
pub(crate) fn is_open(pattern: &str) -> bool {
    pattern.ends_with(REST)
}

/// Whether `pattern` matches `name`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(REST) {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
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
    fn patterns_are_names_or_beginnings() {
        for (pattern, name, matched) in [
            ("*", "anything", true),
            ("md-nyse", "md-nyse", true),
            ("md-nyse", "md-nyse2", false),
            ("md-*", "md-nyse", true),
            ("md-*", "md-", true),
            ("md-*", "md", false),
            ("md-*", "MD-nyse", false),
            ("md-*", "md-*", true),
            ("*-md", "nyse-md", false),
            ("*-md", "*-md", true),
            ("a*b", "axb", false),
            ("Ü*", "Übung", true),
        ] {
            assert_eq!(matches(pattern, name), matched, "{pattern} and {name}");
        }
        assert!(is_open("*") && is_open("md-*") && !is_open("a*b"));
        assert!(check_pattern("service", "*").is_ok() && check_pattern("service", "md-*").is_ok());
        assert!(check_pattern("service", "").is_err() && check_pattern("service", "a/*").is_err());
    }

    #[test]
    fn addresses_have_two_parts() {
        assert_eq!(service_and_topic("market/nyse").unwrap(), ("market", "nyse"));
        for bad in ["market", "market/nyse/AAPL", "/nyse", "market/", ""] {
            assert!(service_and_topic(bad).is_err(), "{bad}");
        }
    }
}
