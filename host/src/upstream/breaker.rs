//! The circuit breaker: while too many requests to an upstream fail, it is left alone, and whoever
//! calls is told so at once.
//!
//! ```text
//! closed     all pass; their failures are counted over a window that slides
//! open       none passes, for a while
//! half-open  a few pass: all succeed -> closed, one fails -> open
//! ```
//!
//! Ejection looks at one target, this at what becomes of a request in the end, when retries have
//! done what they could. Workers share the counts, where there is a breaker: one of many workers
//! would see a trouble late.

use std::{
    fmt::Display,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tracing::{info, warn};

use super::{
    UpstreamError,
    outcome::{Answered, Failed},
    outlier::is_failure,
    ramp::in_milliseconds,
    target::milliseconds,
    window::Window,
};
use crate::config;

/// An upstream's breaker.
pub(super) struct Breaker {
    upstream: Arc<str>,
    settings: config::Breaker,
    window: Window,
    /// When [`Phase::Open`] ends; zero while it is closed, which is all that is looked at then.
    until: AtomicU64,
    phase: Mutex<Phase>,
    opened: AtomicU64,
    refused: AtomicU64,
}

/// Times are on the clock of [`milliseconds`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Closed,
    Open,
    HalfOpen {
        /// Probes that run or have succeeded.
        begun: u32,
        succeeded: u32,
        /// To tell these probes from those before.
        round: u64,
    },
}

/// What a breaker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// They are refused.
    Open,
    /// A few pass.
    HalfOpen,
}

/// A breaker's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerStats {
    /// Now.
    pub state: BreakerState,
    /// For how long it is still open; none if it is not.
    pub left: Option<Duration>,
    /// How often it opened.
    pub opened: u64,
    /// Requests that it refused.
    pub refused: u64,
}

/// A request that may pass. Dropped without an outcome it has never been.
pub(super) struct Trial<'a> {
    breaker: &'a Breaker,
    /// The round of probes that it belongs to; none for a request through a closed breaker.
    probe: Option<u64>,
}

impl Breaker {
    pub(super) fn new(upstream: Arc<str>, settings: config::Breaker) -> Self {
        Self {
            upstream,
            settings,
            window: Window::new(settings.window),
            until: AtomicU64::default(),
            phase: Mutex::default(),
            opened: AtomicU64::default(),
            refused: AtomicU64::default(),
        }
    }

    /// A request wants to pass.
    pub(super) fn admit(&self) -> Result<Trial<'_>, UpstreamError> {
        self.admit_at(milliseconds)
    }

    pub(super) fn stats(&self) -> BreakerStats {
        let (state, left) = match (*self.phase(), self.left(milliseconds())) {
            (Phase::Closed, _) => (BreakerState::Closed, None),
            (Phase::Open, Some(left)) => (BreakerState::Open, Some(Duration::from_millis(left))),
            // Half-open is what the next request would find.
            (Phase::Open | Phase::HalfOpen { .. }, _) => (BreakerState::HalfOpen, None),
        };
        let (opened, refused) = (self.opened.load(Relaxed), self.refused.load(Relaxed));
        BreakerStats { state, left, opened, refused }
    }

    /// Takes over the state of one of the same name.
    pub(super) fn inherit(&self, old: &Self) {
        *self.phase() = match *old.phase() {
            Phase::Closed => Phase::Closed,
            // Its probes do not report here.
            Phase::Open | Phase::HalfOpen { .. } => Phase::Open,
        };
        self.until.store(old.until.load(Relaxed), Relaxed);
        self.opened.store(old.opened.load(Relaxed), Relaxed);
        self.refused.store(old.refused.load(Relaxed), Relaxed);
    }

    fn admit_at(&self, now: impl FnOnce() -> u64) -> Result<Trial<'_>, UpstreamError> {
        if self.until.load(Relaxed) == 0 {
            return Ok(Trial { breaker: self, probe: None });
        }
        let now = now();
        match self.left(now) {
            Some(left) => Err(self.refuse(left)),
            None => self.probe(now),
        }
    }

    /// For how long it is open.
    fn left(&self, now: u64) -> Option<u64> {
        self.until.load(Relaxed).checked_sub(now).filter(|left| *left > 0)
    }

    fn probe(&self, now: u64) -> Result<Trial<'_>, UpstreamError> {
        let mut phase = self.phase();
        if *phase == Phase::Open {
            if let Some(left) = self.left(now) {
                return Err(self.refuse(left));
            }
            *phase = Phase::HalfOpen { begun: 0, succeeded: 0, round: now };
            self.says("the breaker is half-open");
        }
        // A probe that takes for ever must not keep everybody out: others are tried in its place.
        if let Phase::HalfOpen { round, .. } = *phase
            && now.saturating_sub(round) >= in_milliseconds(self.settings.period)
        {
            *phase = Phase::HalfOpen { begun: 0, succeeded: 0, round: now };
        }
        match &mut *phase {
            Phase::HalfOpen { begun, round, .. } if *begun < self.settings.probes => {
                *begun += 1;
                Ok(Trial { breaker: self, probe: Some(*round) })
            }
            Phase::HalfOpen { .. } => Err(self.refuse(1)),
            // The last probe has just succeeded.
            Phase::Open | Phase::Closed => Ok(Trial { breaker: self, probe: None }),
        }
    }

    fn refuse(&self, left: u64) -> UpstreamError {
        self.refused.fetch_add(1, Relaxed);
        let (upstream, left) = (self.upstream.clone(), Duration::from_millis(left));
        UpstreamError::Open { upstream, left }
    }

    /// A request that passed while it was closed.
    fn count(&self, failed: bool, now: u64) {
        self.window.add(failed, now);
        if failed {
            self.weigh(now);
        }
    }

    /// A response broke off whose request was counted by its head: that was no success. Nobody waits for the end of
    /// a probe's body, which may last for hours; so this counts while it is closed.
    pub(super) fn broke_off(&self) {
        if self.until.load(Relaxed) == 0 {
            self.broke_off_at(milliseconds());
        }
    }

    fn broke_off_at(&self, now: u64) {
        self.window.fail(now);
        self.weigh(now);
    }

    /// Whether too much has failed by now.
    fn weigh(&self, now: u64) {
        let (requests, failures) = self.window.sum(now);
        let enough = requests >= u64::from(self.settings.requests);
        if enough && failures * 100 >= requests * u64::from(self.settings.failures) {
            let mut phase = self.phase();
            if *phase == Phase::Closed {
                self.open(&mut phase, now, &format_args!("{failures} of {requests} failed"));
            }
        }
    }

    /// A probe has ended.
    fn judge(&self, round: u64, outcome: Option<bool>, now: u64) {
        let mut phase = self.phase();
        let Phase::HalfOpen { begun, succeeded, round: current } = &mut *phase else { return };
        if *current != round {
            return;
        }
        match outcome {
            None => *begun -= 1,
            Some(true) => self.open(&mut phase, now, &"a probe failed"),
            Some(false) => {
                *succeeded += 1;
                if *succeeded >= self.settings.probes {
                    *phase = Phase::Closed;
                    self.window.clear();
                    self.until.store(0, Relaxed);
                    self.says("the breaker is closed");
                }
            }
        }
    }

    fn open(&self, phase: &mut Phase, now: u64, why: &dyn Display) {
        *phase = Phase::Open;
        self.until.store(now + in_milliseconds(self.settings.period), Relaxed);
        self.opened.fetch_add(1, Relaxed);
        let (upstream, period) = (&*self.upstream, self.settings.period);
        warn!(upstream, %why, ?period, "the breaker is open");
    }

    fn says(&self, what: &str) {
        info!(upstream = &*self.upstream, "{what}");
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trial<'_> {
    /// What came of the request. What the service had no part in is not counted.
    pub(super) fn end(self, outcome: &Result<Answered, Failed>) {
        match outcome {
            Ok(answered) => self.settle(is_failure(answered.head.status), milliseconds()),
            Err(failed) if failed.is_theirs => self.settle(true, milliseconds()),
            Err(_) => drop(self),
        }
    }

    fn settle(mut self, failed: bool, now: u64) {
        match self.probe.take() {
            Some(round) => self.breaker.judge(round, Some(failed), now),
            None => self.breaker.count(failed, now),
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if let Some(round) = self.probe {
            self.breaker.judge(round, None, 0);
        }
    }
}

impl BreakerState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: config::Breaker = config::Breaker {
        failures: 50,
        requests: 4,
        window: Duration::from_millis(1000),
        period: Duration::from_millis(500),
        probes: 2,
    };

    fn breaker() -> Breaker {
        Breaker::new("service".into(), SETTINGS)
    }

    impl Breaker {
        fn try_at(&self, now: u64) -> Option<Trial<'_>> {
            self.admit_at(|| now).ok()
        }

        fn ends(&self, failed: bool, now: u64) {
            self.try_at(now).expect("it passes").settle(failed, now);
        }

        fn is_closed(&self) -> bool {
            *self.phase() == Phase::Closed
        }
    }

    /// One that opened at 1000.
    fn opened() -> Breaker {
        let breaker = breaker();
        (0..4).for_each(|_| breaker.ends(true, 1000));
        breaker
    }

    #[test]
    fn it_takes_enough_requests_and_a_share_of_failures() {
        let breaker = breaker();
        (0..3).for_each(|_| breaker.ends(true, 1000));
        assert!(breaker.is_closed(), "three are too few");
        (0..4).for_each(|_| breaker.ends(false, 1000));
        breaker.ends(true, 1000);
        assert!(!breaker.is_closed(), "four of eight");
        assert_eq!(breaker.stats().opened, 1);
    }

    #[test]
    fn responses_that_break_off_are_failures_too() {
        let breaker = breaker();
        (0..4).for_each(|_| breaker.ends(false, 1000));
        breaker.broke_off_at(1001);
        assert!(breaker.is_closed(), "one of four");
        breaker.broke_off_at(1002);
        assert!(!breaker.is_closed(), "two of four");
        breaker.broke_off();
        assert_eq!(breaker.window.sum(1002), (4, 2), "what began before it opened is no news");
    }

    #[test]
    fn old_failures_are_forgotten() {
        let breaker = breaker();
        (0..3).for_each(|_| breaker.ends(true, 1000));
        breaker.ends(true, 2200);
        assert!(breaker.is_closed());
        (0..2).for_each(|_| breaker.ends(true, 2700));
        assert!(breaker.is_closed());
        breaker.ends(true, 3100);
        assert!(!breaker.is_closed(), "the window slides");
    }

    #[test]
    fn probes_that_take_for_ever_are_replaced() {
        let breaker = opened();
        let (_stuck, old) = (breaker.try_at(1500).unwrap(), breaker.try_at(1500).unwrap());
        assert!(breaker.try_at(1999).is_none());
        let (one, two) = (breaker.try_at(2000).unwrap(), breaker.try_at(2000).unwrap());
        old.settle(true, 2001);
        one.settle(false, 2002);
        two.settle(false, 2002);
        assert!(breaker.is_closed(), "what an old probe came to does not count");
    }

    #[test]
    fn while_it_is_open_it_says_for_how_long() {
        let breaker = opened();
        let refused = breaker.admit_at(|| 1200).err().expect("it is open");
        assert!(
            matches!(refused, UpstreamError::Open { left, .. } if left.as_millis() == 300),
            "{refused}"
        );
        assert_eq!(breaker.stats().refused, 1);
    }

    #[test]
    fn probes_that_succeed_close_it() {
        let breaker = opened();
        let (one, two) = (breaker.try_at(1500).unwrap(), breaker.try_at(1500).unwrap());
        assert!(breaker.try_at(1500).is_none(), "two are enough");
        one.settle(false, 1600);
        assert!(!breaker.is_closed());
        two.settle(false, 1600);
        assert!(breaker.is_closed());
        breaker.ends(true, 1600);
        assert!(breaker.is_closed(), "the old failures are past");
    }

    #[test]
    fn a_probe_that_fails_opens_it_again() {
        let breaker = opened();
        let late = breaker.try_at(1500).unwrap();
        breaker.ends(true, 1500);
        assert!(breaker.try_at(1999).is_none());
        let (one, two) = (breaker.try_at(2000).unwrap(), breaker.try_at(2000).unwrap());
        // What the round before finds now is no news.
        late.settle(true, 2000);
        one.settle(false, 2000);
        two.settle(false, 2000);
        assert!(breaker.is_closed());
    }

    #[test]
    fn a_probe_without_an_outcome_is_given_to_the_next() {
        let breaker = opened();
        let (one, _two) = (breaker.try_at(1500).unwrap(), breaker.try_at(1500).unwrap());
        assert!(breaker.try_at(1500).is_none());
        drop(one);
        assert!(breaker.try_at(1500).is_some());
    }

    #[test]
    fn a_successor_is_as_open() {
        let (old, new) = (opened(), breaker());
        new.inherit(&old);
        assert!(new.try_at(1499).is_none());
        (0..2).for_each(|_| new.ends(false, 1500));
        assert!(new.is_closed());
    }
}
