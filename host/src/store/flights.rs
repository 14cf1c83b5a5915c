//! Single flight: of many that miss the same value, one makes it and the others wait for it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use dashmap::{DashMap, Entry};
use tokio::sync::watch;

/// The flights of one namespace, by key.
#[derive(Default)]
pub(super) struct Flights {
    open: DashMap<Box<str>, Flight>,
    next: AtomicU64,
}

/// Somebody makes the value. Followers hold receivers of `end`, and its drop is what they wait
/// for: whichever way a flight ends, it leaves the map, and nobody is left waiting.
struct Flight {
    id: u64,
    end: watch::Sender<()>,
}

/// What somebody is who joins.
pub(super) enum Role {
    /// Makes the value. The flight ends with this at the latest.
    Leader(Leader),
    /// Waits for whoever does.
    Follower(Follower),
}

impl Flights {
    /// Joins the flight for this key, or begins one.
    pub(super) fn join(self: &Arc<Self>, key: &str) -> Role {
        match self.open.entry(key.into()) {
            Entry::Occupied(flight) => Role::Follower(Follower(flight.get().end.subscribe())),
            Entry::Vacant(place) => {
                let id = self.next.fetch_add(1, Relaxed);
                place.insert(Flight { id, end: watch::Sender::new(()) });
                Role::Leader(Leader { flights: self.clone(), key: key.into(), id })
            }
        }
    }

    /// Ends the flight for this key, if there is one: there is a value, or will be none.
    pub(super) fn end(&self, key: &str) {
        self.open.remove(key);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}

/// Leads while it lives.
pub(super) struct Leader {
    flights: Arc<Flights>,
    key: Box<str>,
    id: u64,
}

impl Drop for Leader {
    fn drop(&mut self) {
        // Its own flight only: that one may have ended, and another begun.
        self.flights.open.remove_if(&self.key, |_, flight| flight.id == self.id);
    }
}

/// Waits for the end of a flight.
pub(super) struct Follower(watch::Receiver<()>);

impl Follower {
    pub(super) async fn wait(mut self) {
        // Nothing is ever sent: it returns when the sender is gone.
        drop(self.0.changed().await);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn leader(flights: &Arc<Flights>) -> Leader {
        match flights.join("k") {
            Role::Leader(leader) => leader,
            Role::Follower(_) => panic!("somebody leads"),
        }
    }

    fn follower(flights: &Arc<Flights>) -> Follower {
        match flights.join("k") {
            Role::Leader(_) => panic!("nobody leads"),
            Role::Follower(follower) => follower,
        }
    }

    #[test]
    fn followers_wait_until_the_leader_is_gone() {
        let flights = Arc::<Flights>::default();
        let leads = leader(&flights);
        assert!(follower(&flights).wait().now_or_never().is_none());
        let waits = follower(&flights);
        drop(leads);
        waits.wait().now_or_never().expect("woken");
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn followers_wait_until_the_flight_is_ended() {
        let flights = Arc::<Flights>::default();
        let _leads = leader(&flights);
        let waits = follower(&flights);
        flights.end("k");
        waits.wait().now_or_never().expect("woken");
    }

    #[test]
    fn a_leader_whose_flight_has_ended_does_not_end_the_next_one() {
        let flights = Arc::<Flights>::default();
        let first = leader(&flights);
        flights.end("k");
        let _second = leader(&flights);
        drop(first);
        assert!(follower(&flights).wait().now_or_never().is_none());
    }
}
