//! How fast targets answer: the peak EWMA of Finagle, as one worker sees it.
//!
//! An answer that is slower than what is known counts at once; a faster one is believed bit by
//! bit. So a target that has become slow is avoided after one answer, and not after many.
//!
//! Each worker has its own estimates, beside its own connections. Shared ones would be written by
//! all workers for every answer; and a load that others put on a target shows in the answers anyway.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::stats::Counters;
use crate::config::{self, Balance};

/// What a failure is taken for at least: an answer that took so long. A target that refuses
/// everything is fast at that, and would get everything.
const FAILURE: f64 = 1.0;

/// What failures in a row are taken for at most.
const WORST: f64 = 60.0;

/// After so many times `decay` nothing is left of an estimate, and the target is as good as new.
const FORGOTTEN: f64 = 5.0;

/// What is known of all targets.
pub(super) struct Peaks {
    /// Seconds.
    decay: f64,
    all: Box<[Peak]>,
    counters: Arc<[Counters]>,
}

/// What is known of one.
#[derive(Debug, Clone, Copy, Default)]
struct Peak {
    /// Seconds to the head of an answer.
    estimate: f64,
    /// As of when; none before the first answer.
    at: Option<Instant>,
}

impl Peaks {
    /// Where the upstream's rule looks at them.
    pub(super) fn of(settings: &config::Upstream, counters: &Arc<[Counters]>) -> Option<Self> {
        let Balance::PeakEwma { decay } = settings.balance else { return None };
        let all = vec![Peak::default(); settings.targets.len()].into();
        let wanted = settings.targets.len() > 1;
        wanted.then(|| Self { decay: decay.as_secs_f64(), all, counters: counters.clone() })
    }

    /// How long the next request would wait, if those in flight went before it. A target of which
    /// nothing is known gets one request, and no second one before that is answered: those who
    /// come new would otherwise be the cheapest and get everything.
    pub(super) fn cost(&self, index: usize, now: Instant) -> f64 {
        let in_flight = self.counters[index].in_flight() as f64;
        match self.known(index, now) {
            Some(estimate) => estimate * (in_flight + 1.0),
            None => in_flight * WORST,
        }
    }

    /// An answer came after this time.
    pub(super) fn answered(&mut self, index: usize, took: Duration, now: Instant) {
        let (took, old) = (took.as_secs_f64(), self.all[index]);
        let estimate = match old.at {
            None => took,
            Some(at) => {
                let kept = self.kept(at, now);
                took.max(old.estimate * kept + took * (1.0 - kept))
            }
        };
        self.all[index] = Peak { estimate, at: Some(now) };
    }

    /// No answer came within this time, for then somebody lost patience.
    pub(super) fn waited(&mut self, index: usize, took: Duration, now: Instant) {
        self.raise(index, took.as_secs_f64(), now);
    }

    /// It failed. With each time in a row it seems twice as slow.
    pub(super) fn failed(&mut self, index: usize, now: Instant) {
        let twice = self.known(index, now).map_or(0.0, |known| known * 2.0);
        self.raise(index, twice.clamp(FAILURE, WORST), now);
    }

    fn raise(&mut self, index: usize, least: f64, now: Instant) {
        if self.known(index, now).is_none_or(|known| known < least) {
            self.all[index] = Peak { estimate: least, at: Some(now) };
        }
    }

    /// What is left of its estimate.
    fn known(&self, index: usize, now: Instant) -> Option<f64> {
        let Peak { estimate, at } = self.all[index];
        let kept = self.kept(at?, now);
        (kept > (-FORGOTTEN).exp()).then_some(estimate * kept)
    }

    fn kept(&self, at: Instant, now: Instant) -> f64 {
        (-now.saturating_duration_since(at).as_secs_f64() / self.decay).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::tests::settings;

    const DECAY: Duration = Duration::from_secs(10);

    /// The estimates of two targets, and a clock.
    struct Room {
        peaks: Peaks,
        now: Instant,
    }

    impl Room {
        fn new() -> Self {
            let addresses = ["127.0.0.1:1", "127.0.0.1:2"].map(|text| text.parse().unwrap());
            let balance = Balance::PeakEwma { decay: DECAY };
            let settings = config::Upstream { balance, ..settings(&addresses) };
            let counters: Arc<[_]> = (0..2).map(|_| Counters::default()).collect();
            Self { peaks: Peaks::of(&settings, &counters).unwrap(), now: Instant::now() }
        }

        fn answer(&mut self, milliseconds: u64) {
            self.peaks.answered(0, Duration::from_millis(milliseconds), self.now);
        }

        /// In milliseconds.
        fn cost(&self) -> u64 {
            (self.peaks.cost(0, self.now) * 1000.0).round() as u64
        }
    }

    #[test]
    fn a_slow_answer_counts_at_once_and_a_fast_one_bit_by_bit() {
        let mut room = Room::new();
        room.answer(10);
        assert_eq!(room.cost(), 10);
        room.answer(1000);
        assert_eq!(room.cost(), 1000, "the peak");
        room.answer(10);
        assert_eq!(room.cost(), 1000, "no time has passed");
        room.now += DECAY;
        room.answer(10);
        assert_eq!(room.cost(), 374, "1000 / e, and the rest of the new one");
    }

    #[test]
    fn what_is_in_flight_multiplies() {
        let mut room = Room::new();
        room.answer(10);
        (0..3).for_each(|_| room.peaks.counters[0].request_began());
        assert_eq!(room.cost(), 40);
    }

    #[test]
    fn who_is_new_is_asked_once_until_it_has_answered() {
        let mut room = Room::new();
        assert_eq!(room.cost(), 0);
        room.peaks.counters[0].request_began();
        assert_eq!(room.cost(), 60_000);
        room.answer(5);
        room.peaks.counters[0].request_ended();
        assert_eq!(room.cost(), 5);
        // So is one that was not asked for long: what was true then may be true still.
        room.now += DECAY * 6;
        assert_eq!(room.cost(), 0);
        room.peaks.counters[0].request_began();
        assert_eq!(room.cost(), 60_000);
    }

    #[test]
    fn a_failure_is_not_fast() {
        let mut room = Room::new();
        room.answer(1);
        room.peaks.failed(0, room.now);
        assert_eq!(room.cost(), 1000);
        (0..20).for_each(|_| room.peaks.failed(0, room.now));
        assert_eq!(room.cost(), 60_000);
    }

    #[test]
    fn waiting_in_vain_raises_and_never_lowers() {
        let mut room = Room::new();
        room.answer(100);
        room.peaks.waited(0, Duration::from_millis(5), room.now);
        assert_eq!(room.cost(), 100);
        room.peaks.waited(0, Duration::from_millis(500), room.now);
        assert_eq!(room.cost(), 500);
    }

    #[test]
    fn one_target_needs_no_estimate() {
        let balance = Balance::PeakEwma { decay: DECAY };
        let one = settings(&["127.0.0.1:1".parse().unwrap()]);
        let settings = config::Upstream { balance, ..one };
        let counters: Arc<[_]> = Arc::new([Counters::default()]);
        assert!(Peaks::of(&settings, &counters).is_none());
    }
}
