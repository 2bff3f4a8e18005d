//! Which numbers of users and groups are somebody's: user_namespaces(7).
//!
//! In a user namespace that has not numbers for all, as those of containers, the kernel says of each user and group without one the
//! same *overflow* number, as a rule that of `nobody`. There it names nobody in particular: neither this program's own
//! user, though that may have the number too, nor anyone on a list. Where all have numbers, as on a machine itself, it is as any.

use std::fs;
use std::sync::OnceLock;

/// In place of a number that is nobody's in particular. No user or group has it: to setresuid(2) and chown(2) it means none.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// What a number is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Group,
}

/// The number, or [`UNKNOWN`] where it may be anybody's.
pub(crate) fn known(number: u32, kind: Kind) -> u32 {
    // The namespace is asked about each time: a process may go to another one.
    if number == overflow(kind) && !has_numbers_for_all(kind) { UNKNOWN } else { number }
}

/// What the kernel says of those without a number.
fn overflow(kind: Kind) -> u32 {
    static OF_USERS: OnceLock<u32> = OnceLock::new();
    static OF_GROUPS: OnceLock<u32> = OnceLock::new();
    let (number, file) = match kind {
        Kind::User => (&OF_USERS, "/proc/sys/kernel/overflowuid"),
        Kind::Group => (&OF_GROUPS, "/proc/sys/kernel/overflowgid"),
    };
    let read = || fs::read_to_string(file).ok()?.trim().parse().ok();
    *number.get_or_init(|| read().unwrap_or(65534))
}

/// Whether all users, or groups, have a number where this process is. Not, where that cannot be told.
fn has_numbers_for_all(kind: Kind) -> bool {
    let map = match kind {
        Kind::User => "/proc/self/uid_map",
        Kind::Group => "/proc/self/gid_map",
    };
    fs::read_to_string(map).is_ok_and(|map| is_whole(&map))
}

/// Whether a map, with lines of a first number here, one there, and how many, is of all numbers.
fn is_whole(map: &str) -> bool {
    let counts = map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    counts.sum::<u64>() >= u64::from(UNKNOWN)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_numbers_for_all_or_not() {
        assert!(is_whole("         0          0 4294967295\n"));
        assert!(is_whole("0 1 1\n1 0 1\n2 2 4294967293"));
        for partial in ["", "\n", "0 1000 1\n", "0 100000 65536\n", "0 0 4294967294", "0 0", "0 0 all"] {
            assert!(!is_whole(partial), "{partial}");
        }
    }

    #[test]
    fn numbers_but_the_one_of_those_without_are_somebodys() {
        for kind in [Kind::User, Kind::Group] {
            for number in [0, 1000, 65533, 65535] {
                assert_eq!(known(number, kind), number);
            }
            let of_nobody = known(overflow(kind), kind);
            assert_eq!(of_nobody == UNKNOWN, !has_numbers_for_all(kind));
        }
    }
}
