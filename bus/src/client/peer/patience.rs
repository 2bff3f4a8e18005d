//! How soon a service is connected to again whose connection has ended.
//!
//! At once, where another life of it may be there: what returns is followed from its beginning. But one that ends connections as
//! soon as they begin would be connected to without pause. So a *life* that does that is left alone for longer each time.
//!
//! Which life it is, is the service's own word, and which process, the kernel's. A process whose lives end soon may have many of
//! them in earnest, as a test or a supervisor has; or it may lie, with another number each time. Either is followed after
//! the shortest rest, which is nothing to the one and an end of the haste to the other.

use std::time::Duration;

use crate::error::Ended;

/// How long to leave a service alone that cannot be connected to now: from this …
pub(super) const SHORTEST_REST: Duration = Duration::from_millis(1);
/// … to this, doubling while the connections to one life of it last shorter than this.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(1);

/// What is known of the connections to one service that have ended.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Whose connection ended last.
    last: Option<Life>,
    /// Connections to one life in a row that ended soon.
    short_lived: u32,
}

/// One life of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) pid: u32,
    /// Its number; `None` where it has not said it.
    pub(super) epoch: Option<u64>,
}

impl Patience {
    /// A connection that lasted so long has ended for this reason: how long to leave the service alone, if at all.
    pub(super) fn after(&mut self, of: Life, lasted: Duration, reason: &Ended) -> Option<Duration> {
        let soon = lasted < LONGEST_REST;
        let before = self.last.replace(of);
        let again = soon && before == Some(of);
        self.short_lived = if again { self.short_lived + 1 } else { 0 };
        match (reason, self.short_lived) {
            (Ended::Exhausted(_), _) => Some(LONGEST_REST),
            (_, 0) if soon && before.is_some_and(|before| before.pid == of.pid) => Some(SHORTEST_REST),
            (_, 0 | 1) => None,
            (_, times) => Some(SHORTEST_REST.saturating_mul(1 << times.min(16)).min(LONGEST_REST)),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn life(pid: u32, epoch: u64) -> Life {
        Life { pid, epoch: Some(epoch) }
    }

    #[test]
    fn another_process_is_followed_at_once_and_another_life_after_the_shortest_rest() {
        let mut patience = Patience::default();
        for epoch in 0..100 {
            assert_eq!(patience.after(life(epoch as u32, epoch), SOON, &Ended::Died), None);
        }
        let mut patience = Patience::default();
        assert_eq!(patience.after(life(1, 0), SOON, &Ended::Closed), None);
        for epoch in 1..100 {
            let rest = patience.after(life(1, epoch), SOON, &Ended::Closed);
            assert_eq!(rest, Some(SHORTEST_REST), "however many there were");
        }
        assert_eq!(patience.after(life(1, 100), LONGEST_REST, &Ended::Closed), None, "it has lasted");
    }

    #[test]
    fn a_life_whose_connections_end_soon_is_left_alone_for_longer_each_time() {
        let (mut patience, of) = (Patience::default(), life(1, 7));
        let mut rests = Vec::new();
        for _ in 0..100 {
            rests.push(patience.after(of, SOON, &Ended::Died).unwrap_or_default());
        }
        assert!(rests[0].is_zero() && rests[1].is_zero() && rests.is_sorted());
        assert_eq!((rests[2], rests[99]), (4 * SHORTEST_REST, LONGEST_REST));
        assert_eq!(patience.after(of, LONGEST_REST, &Ended::Died), None);
        assert_eq!(patience.after(of, SOON, &Ended::Died), None, "counted anew");
    }

    #[test]
    fn one_that_says_another_life_each_time_or_none_is_not_connected_to_without_pause() {
        let mut patience = Patience::default();
        let unknown = Life { pid: 1, epoch: None };
        let lives = (0..100).map(|epoch| if epoch % 3 == 0 { unknown } else { life(1, epoch) });
        let at_once = lives.filter(|of| patience.after(*of, SOON, &Ended::Died).is_none()).count();
        assert_eq!(at_once, 1, "the first");
    }

    #[test]
    fn where_this_process_has_no_room_the_longest_rest_comes_first() {
        let reason = Ended::Exhausted("no descriptors".to_owned());
        assert_eq!(Patience::default().after(life(1, 1), LONGEST_REST, &reason), Some(LONGEST_REST));
    }
}
