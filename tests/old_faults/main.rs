//! What was wrong with DDE, and is not here: for each of its old faults the test that shows it.
//!
//! | fault of DDE | where it is shown |
//! |---|---|
//! | connecting waits for windows that pump no messages (KB 4077003) | [`connecting`]; with another service that is stopped also `tests/stopped.rs`, `connecting_to_a_stopped_service_ends_in_time_while_others_answer` |
//! | a splash screen got the INITIATE | `tests/discovery.rs`, `a_half_built_service_is_invisible` and `a_service_that_is_killed_vanishes_ready_or_not`; `tests/sudden_death.rs`, `a_publisher_that_dies_while_it_starts_was_never_there` |
//! | atoms leak until programs fail to start | [`leaks`]; under load also `tests/sudden_death.rs` |
//! | ADVSTOP racing an outstanding ack kills the conversation (Q165305) | [`stopping`] |
//! | late acks leak, and a count of 16 bits wraps (Q110664) | [`counting`] |
//! | re-posting an item inside its own callback overflows the stack | `tests/within_handlers.rs`, `it_publishes_the_very_item_that_it_was_poked` |
//! | calls from the wrong thread fail | [`sharing`] |

#[path = "../support/mod.rs"]
mod support;

mod connecting;
mod counting;
mod leaks;
mod sharing;
mod stopping;

use connecting::{busy, sink};
use counting::aged;
use leaks::{cycler, survivor, victim};
use stopping::torrent;
use support::roles;

roles!(busy, sink, cycler, survivor, victim, torrent, aged);
