//! Passive ejection: a target that fails again and again is passed over for a while, and then gets
//! its share of the requests back bit by bit ([`Ramp`]).
//!
//! What a failure is, is said here, for retries and the breaker too.

use std::{
    fmt::Display,
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use http::StatusCode;
use tracing::{debug, info, warn};

use super::{
    Upstream,
    blame::Blame,
    ramp::{Ramp, in_milliseconds},
    target::milliseconds,
};
use crate::config::Eject;

/// So much a target must have had before a deadline counts as its failure: the exchange's time may
/// have been used up by a client that sent slowly, by plugins, or by who asked for very little.
pub(super) const CHANCE: Duration = Duration::from_millis(100);

/// Whether an answer is as good as none.
pub(super) fn is_failure(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// What a target's failures have led to. Times are on the clock of [`milliseconds`].
#[derive(Debug, Default)]
pub(super) struct Outlier {
    /// When it is back, and how.
    pub(super) ramp: Ramp,
    /// When the present run of failures began, and in the lower [`COUNT_BITS`] its length.
    run: AtomicU64,
    /// The end of the last ejection.
    ended: AtomicU64,
    /// Ejections that followed each other closely.
    times: AtomicU32,
    ejections: AtomicU64,
}

const COUNT_BITS: u32 = 24;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

impl Outlier {
    pub(super) fn is_ejected(&self, now: u64) -> bool {
        self.ramp.is_out(now)
    }

    /// For how long it is still ejected, if it is.
    pub(super) fn ejected_for(&self, now: u64) -> Option<Duration> {
        self.ramp.left(now)
    }

    /// How often it was ejected.
    pub(super) fn ejections(&self) -> u64 {
        self.ejections.load(Relaxed)
    }

    /// Takes over what another one knew of the same target.
    pub(super) fn inherit(&self, old: &Self) {
        self.ramp.inherit(&old.ramp);
        self.ended.store(old.ended.load(Relaxed), Relaxed);
        self.times.store(old.times.load(Relaxed), Relaxed);
        self.ejections.store(old.ejections.load(Relaxed), Relaxed);
    }

    pub(super) fn succeeded(&self) {
        // Read first: this is called for every response, and the line is shared.
        if self.run.load(Relaxed) != 0 {
            self.run.store(0, Relaxed);
        }
    }

    /// Whether that was one too many.
    fn failed(&self, settings: &Eject, now: u64) -> bool {
        if self.is_ejected(now) {
            return false;
        }
        let window = in_milliseconds(settings.window);
        let longer = |run: u64| {
            let (began, count) = (run >> COUNT_BITS, run & COUNT);
            let goes_on = count > 0 && now.saturating_sub(began) <= window;
            let (began, count) = if goes_on { (began, (count + 1).min(COUNT)) } else { (now, 1) };
            began << COUNT_BITS | count
        };
        let mut run = self.run.load(Relaxed);
        loop {
            let next = longer(run);
            match self.run.compare_exchange_weak(run, next, Relaxed, Relaxed) {
                Ok(_) => return next & COUNT >= u64::from(settings.failures),
                Err(now) => run = now,
            }
        }
    }

    fn eject(&self, settings: &Eject, now: u64) -> Duration {
        let first = in_milliseconds(settings.period);
        let good_since = now.saturating_sub(self.ended.load(Relaxed));
        let times = if good_since > 10 * first { 0 } else { self.times.load(Relaxed).min(4) };
        let period = first << times;
        self.times.store(times + 1, Relaxed);
        self.ended.store(now + period, Relaxed);
        self.ramp.begin(now + period, settings.ramp);
        self.run.store(0, Relaxed);
        self.ejections.fetch_add(1, Relaxed);
        Duration::from_millis(period)
    }
}

impl Blame {
    /// A target has failed.
    pub(super) fn failed(&self, index: usize, why: &dyn Display) {
        let Some(settings) = &self.eject else { return };
        let (now, target) = (milliseconds(), &self.targets[index]);
        if !target.outlier.failed(settings, now) {
            return;
        }
        // Two at a time could eject more than `most`. The next failure is soon enough.
        let Ok(_alone) = self.ejecting.try_lock() else { return };
        let out = self.targets.iter().filter(|target| target.outlier.is_ejected(now)).count();
        let (upstream, most) = (&*self.upstream, settings.most as usize);
        if (out + 1) * 100 > self.targets.len() * most {
            debug!(upstream, target = %target.name, %why, "fails, but enough are ejected");
            return;
        }
        if !target.outlier.is_ejected(now) {
            let period = target.outlier.eject(settings, now);
            warn!(upstream, target = %target.name, reason = %why, ?period, "ejected");
        }
    }
}

impl Upstream {
    /// Whether a new one of the same name should know of an ejection, or of a slow start.
    pub(super) fn inherit_ejections(&self, old: &Self) {
        let now = milliseconds();
        for target in &*self.targets {
            let Some(known) = old.targets.iter().find(|known| known.name == target.name) else {
                target.outlier.ramp.begin(now, self.settings.slow_start);
                continue;
            };
            let is_ejected = known.outlier.is_ejected(now);
            if self.settings.eject.is_some() {
                target.outlier.inherit(&known.outlier);
                if is_ejected {
                    info!(upstream = &*self.settings.name, target = %target.name, "stays ejected");
                }
            } else if !is_ejected {
                target.outlier.ramp.inherit(&known.outlier.ramp);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EJECT: Eject = Eject {
        failures: 3,
        window: Duration::from_millis(100),
        period: Duration::from_millis(1000),
        most: 50,
        ramp: Duration::from_millis(200),
    };

    #[test]
    fn it_takes_failures_in_a_row_within_the_window() {
        let outlier = Outlier::default();
        assert!(!outlier.failed(&EJECT, 0) && !outlier.failed(&EJECT, 1));
        outlier.succeeded();
        assert!(!outlier.failed(&EJECT, 2) && !outlier.failed(&EJECT, 3));
        // The third is too late, and begins another run.
        assert!(!outlier.failed(&EJECT, 103));
        assert!(!outlier.failed(&EJECT, 104) && outlier.failed(&EJECT, 105));
        // Who could not be ejected fails on.
        assert!(outlier.failed(&EJECT, 106));
    }

    #[test]
    fn the_period_doubles_until_it_was_good_for_long() {
        let outlier = Outlier::default();
        let mut now = 20_000;
        for expected in [1000, 2000, 4000, 8000, 16_000, 16_000] {
            let period = outlier.eject(&EJECT, now);
            assert_eq!(period, Duration::from_millis(expected));
            assert!(!outlier.failed(&EJECT, now), "what was in flight does not count");
            now += expected + 500;
        }
        assert_eq!(outlier.eject(&EJECT, now + 10_000), EJECT.period);
        assert_eq!(outlier.ejections(), 7);
    }

    #[test]
    fn a_run_does_not_overflow() {
        let outlier = Outlier::default();
        outlier.run.store(COUNT, Relaxed);
        assert!(outlier.failed(&EJECT, 1));
        assert_eq!(outlier.run.load(Relaxed), COUNT);
    }
}
