//! Names of targets are looked up again and again, so that a service that has moved is found.
//!
//! A target stays one target however many addresses its name has: health, ejection and weight are
//! the name's, and new connections go to its addresses in turn.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use tokio::time::timeout;
use tracing::{info, warn};

use super::{
    Upstream, Upstreams,
    names::{self, Found},
    rounds::{self, LOOK_AGAIN},
};
use crate::config::Resolve;

/// How long a look-up may take: three servers, two attempts of five seconds.
const LONGEST: Duration = Duration::from_secs(30);

/// How soon one that failed is tried again, doubled each time, and how late at most.
const FIRST_AGAIN: Duration = Duration::from_secs(1);
const LAST_AGAIN: Duration = Duration::from_secs(30);

/// Looks up the names of whatever upstreams are current, until this future is dropped.
pub async fn run_resolver(current: impl Fn() -> Arc<Upstreams>) {
    rounds::run(|now| {
        let (due, next) = due(&current(), now);
        (due.into_iter().map(|(upstream, index)| look_up(upstream, index)).collect(), next)
    })
    .await;
}

/// What is known of a name.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Not empty; none before the first look-up.
    known: ArcSwapOption<Vec<SocketAddr>>,
    /// Counts how often an address went away.
    generation: AtomicU32,
    turn: AtomicUsize,
    plan: Mutex<Plan>,
}

/// When a name is looked up.
#[derive(Debug, Default)]
struct Plan {
    /// At once if none.
    next: Option<Instant>,
    /// How many look-ups have failed since one did not.
    failures: u32,
}

/// To where a connection goes, and as of when that was right.
#[derive(Debug)]
pub(super) struct Origin {
    address: SocketAddr,
    generation: AtomicU32,
}

impl Addresses {
    /// The addresses to try for a new connection. Those of the family that the system prefers take
    /// turns at the beginning.
    pub(super) fn known(&self) -> Option<Vec<SocketAddr>> {
        let mut addresses = self.known.load().as_ref()?.to_vec();
        let preferred = addresses.iter().take_while(|a| a.is_ipv4() == addresses[0].is_ipv4());
        let preferred = preferred.count();
        addresses[..preferred].rotate_left(self.turn.fetch_add(1, Relaxed) % preferred);
        Some(addresses)
    }

    /// All that the name stands for; none where it is an address, or not looked up yet.
    pub(super) fn all(&self) -> Vec<SocketAddr> {
        self.known.load().as_ref().map(|known| known.to_vec()).unwrap_or_default()
    }

    /// How long until it is looked up; none where that is not planned.
    pub(super) fn next_look_up(&self) -> Option<Duration> {
        let next = self.plan().next?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// It stands for what another did, until it is looked up.
    pub(super) fn inherit(&self, old: &Self) {
        self.known.store(old.known.load_full());
    }

    /// As of now. To be asked before the addresses are.
    pub(super) fn generation(&self) -> u32 {
        self.generation.load(Relaxed)
    }

    /// Whether the name still stands for where a connection goes. For targets that are addresses,
    /// and as long as nothing moves, that is two loads.
    pub(super) fn has(&self, origin: &Origin) -> bool {
        let generation = self.generation.load(Relaxed);
        if origin.generation.load(Relaxed) == generation {
            return true;
        }
        let known = self.known.load();
        let has = known.as_ref().is_none_or(|known| known.contains(&origin.address));
        if has {
            origin.generation.store(generation, Relaxed);
        }
        has
    }

    /// None of them takes a connection: the service may have moved.
    pub(super) fn doubt(&self) {
        if self.known.load().is_some() {
            self.plan().next = None;
        }
    }

    /// Takes over what a look-up has found, and says whether it is anything new.
    pub(super) fn learn(&self, found: Vec<SocketAddr>) -> bool {
        let old = self.known.load_full();
        let has_all =
            |some: &[SocketAddr], all: &[SocketAddr]| some.iter().all(|a| all.contains(a));
        let gone = old.as_ref().is_some_and(|old| !has_all(old, &found));
        let is_new = gone || old.as_ref().is_none_or(|old| !has_all(&found, old));
        // Their order is no news, and yet it tells which family can be reached.
        if old.as_deref() != Some(&found) {
            self.known.store(Some(Arc::new(found)));
        }
        if gone {
            self.generation.fetch_add(1, Relaxed);
        }
        is_new && old.is_some()
    }

    /// A look-up has ended, and what it found holds for this long. Says whether the one before
    /// ended otherwise.
    fn plan_next(&self, hold: Duration, failed: bool) -> bool {
        let mut plan = self.plan();
        let changed = failed != (plan.failures > 0);
        let again = FIRST_AGAIN * (1 << plan.failures.min(5));
        plan.failures = if failed { plan.failures.saturating_add(1) } else { 0 };
        let wait = if failed { again.min(LAST_AGAIN).min(hold) } else { hold };
        plan.next = Some(Instant::now() + wait);
        changed
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    pub(super) fn new(address: SocketAddr, generation: u32) -> Self {
        Self { address, generation: AtomicU32::new(generation) }
    }
}

/// What to look up now, and when to look again.
fn due(upstreams: &Upstreams, now: Instant) -> (Vec<(Arc<Upstream>, usize)>, Instant) {
    let (mut due, mut soonest) = (Vec::new(), now + LOOK_AGAIN);
    for upstream in upstreams.iter().filter(|u| u.settings.resolve != Resolve::AtConnect) {
        let named = upstream.targets.iter().enumerate().filter(|(_, t)| t.address().is_none());
        for (index, target) in named {
            let mut plan = target.addresses.plan();
            match plan.next {
                Some(next) if next > now => soonest = soonest.min(next),
                _ => {
                    due.push((upstream.clone(), index));
                    // One at a time; and if it is never finished, for a reload ends it, again.
                    plan.next = Some(now + LONGEST + LOOK_AGAIN);
                }
            }
        }
    }
    (due, soonest)
}

async fn look_up(upstream: Arc<Upstream>, index: usize) {
    let (target, settings) = (&upstream.targets[index], &upstream.settings);
    let known = target.addresses.known.load_full();
    let known = known.as_ref().map_or(&[][..], |known| known.as_slice());
    let looking = names::look_up(&target.host, target.port, &settings.dns, known);
    let found = timeout(LONGEST, looking).await;
    let found = found.unwrap_or_else(|_| Err("nobody has answered".to_owned()));
    let lack = match &found {
        Ok(found) => found.lack.clone(),
        Err(why) => Some(why.clone()),
    };
    let hold = match (settings.resolve, &found) {
        (Resolve::Every(interval), _) => interval,
        (_, Ok(found)) => found.hold,
        (_, Err(_)) => LAST_AGAIN,
    };
    let changed = target.addresses.plan_next(hold, lack.is_some());
    let upstream = &*settings.name;
    match lack {
        Some(why) if changed => {
            warn!(upstream, target = %target.name, %why, "the name cannot be looked up");
        }
        None if changed => info!(upstream, target = %target.name, "the name is looked up again"),
        _ => {}
    }
    if let Ok(Found { addresses, .. }) = found {
        let count = addresses.len();
        if target.addresses.learn(addresses) {
            info!(upstream, target = %target.name, addresses = count, "the name has changed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::tests::{OK, Service, build, get, settings, soon, text};

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn addresses_take_turns_within_the_preferred_family() {
        let known = Addresses::default();
        assert!(known.known().is_none());
        known.learn(addresses(&["[::1]:1", "[::2]:1", "1.1.1.1:1"]));
        let first = |_| known.known().unwrap();
        let turns: Vec<_> = (0..3).map(first).collect();
        assert_eq!(turns[0], addresses(&["[::1]:1", "[::2]:1", "1.1.1.1:1"]));
        assert_eq!(turns[1], addresses(&["[::2]:1", "[::1]:1", "1.1.1.1:1"]));
        assert_eq!(turns[2], turns[0]);
    }

    #[test]
    fn connections_to_what_is_gone_are_known() {
        let known = Addresses::default();
        let origin = |address: &str| Origin::new(address.parse().unwrap(), known.generation());
        assert!(!known.learn(addresses(&["1.1.1.1:1", "2.2.2.2:1"])), "the first is no change");
        let (one, two) = (origin("1.1.1.1:1"), origin("2.2.2.2:1"));
        assert!(!known.learn(addresses(&["2.2.2.2:1", "1.1.1.1:1"])), "their order is no change");
        assert_eq!(known.all(), addresses(&["2.2.2.2:1", "1.1.1.1:1"]));
        assert!(known.learn(addresses(&["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"])));
        assert!(known.has(&one) && known.has(&two));
        assert!(known.learn(addresses(&["2.2.2.2:1"])));
        assert!(!known.has(&one) && known.has(&two));
        assert_eq!(two.generation.load(Relaxed), known.generation(), "it is not searched again");
    }

    #[test]
    fn a_look_up_that_fails_is_tried_again_less_and_less() {
        let name = Addresses::default();
        let waits = |failed| {
            let changed = name.plan_next(Duration::from_secs(60), failed);
            let wait = name.next_look_up().unwrap();
            (changed, wait.as_secs_f64().round() as u64)
        };
        let failed: Vec<_> = (0..7).map(|_| waits(true)).collect();
        let [first, ..] = failed[..] else { panic!("seven") };
        assert_eq!(first, (true, 1), "that is news");
        let later = [2, 4, 8, 16, 30, 30].map(|wait| (false, wait));
        assert_eq!(failed[1..], later);
        assert_eq!([waits(false), waits(false), waits(true)], [(true, 60), (false, 60), (true, 1)]);
    }

    #[tokio::test]
    async fn a_service_that_moves_is_followed() {
        let (old, new) = (Service::start().await, Service::start().await);
        let mut settings = settings(&[old.address()]);
        settings.targets[0].host = "service.invalid".into();
        let upstream = build(settings);
        let known = &upstream.targets[0].addresses;
        known.learn(vec![old.address()]);
        let (_peer, answer) = tokio::join!(old.answer(OK), upstream.send(get("/"), soon()));
        assert_eq!(text(answer).await.0, 200);
        known.learn(vec![new.address()]);
        let (_peer, answer) = tokio::join!(new.answer(OK), upstream.send(get("/"), soon()));
        assert_eq!(text(answer).await.0, 200);
        assert_eq!((upstream.stats()[0].connects, upstream.stats()[0].idle), (2, 1));
    }

    #[tokio::test]
    async fn names_are_looked_up_and_addresses_are_not() {
        let mut settings = settings(&["127.0.0.1:1".parse().unwrap(); 2]);
        settings.targets[0].host = "localhost".into();
        settings.resolve = Resolve::Ttl;
        let upstreams = Arc::new(Upstreams::build(&[settings], 1, None).unwrap());
        let upstream = upstreams.get("service").unwrap().clone();
        let now = Instant::now();
        let (jobs, _) = due(&upstreams, now);
        let indexes: Vec<_> = jobs.iter().map(|(_, index)| *index).collect();
        assert_eq!(indexes, [0]);
        assert!(due(&upstreams, now).0.is_empty(), "it is being looked up");
        for (upstream, index) in jobs {
            look_up(upstream, index).await;
        }
        let known = upstream.targets[0].addresses.known().unwrap();
        assert!(known.iter().all(|address| address.ip().is_loopback()), "{known:?}");
        assert!(due(&upstreams, Instant::now()).0.is_empty());
        upstream.targets[0].addresses.doubt();
        assert_eq!(due(&upstreams, Instant::now()).0.len(), 1, "at once");
    }
}
