//! One bucket: whether it makes sense, what it allows at a moment, and what is to be remembered.

use std::time::Duration;

use super::{
    clock::nanos,
    gcra::{self, Gcra},
    window::{Count, Window},
};
use crate::stores::{Algorithm, Allowance, Bucket, StoreError};

const MAX_BUCKETS: usize = 64;
/// Ids come from requests (addresses, API keys), and are kept.
const MAX_ID: usize = 1024;
const MIN_WINDOW: Duration = Duration::from_millis(1);
/// Ten years: limits of this kind are mistakes, and below it no sum of times overflows.
const MAX_WINDOW: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// What is remembered of a bucket that is not full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The time at which it is full again.
    Gcra(u128),
    Window {
        count: Count,
        ends: u64,
    },
}

impl State {
    /// From when on it says no more than no state at all.
    pub(super) fn expires(&self) -> u64 {
        match self {
            Self::Gcra(full_at) => gcra::nanos_up(*full_at),
            Self::Window { ends, .. } => *ends,
        }
    }

    /// Whether a bucket counts in this way.
    pub(super) fn is_of(&self, bucket: &Bucket) -> bool {
        matches!(
            (self, bucket.algorithm),
            (Self::Gcra(_), Algorithm::Gcra) | (Self::Window { .. }, Algorithm::FixedWindow)
        )
    }

    /// The later of two that were told of this bucket: what is owed, or used in a window, only
    /// grows until time takes it away.
    pub(super) fn or_later(self, other: &Self, bucket: &Bucket) -> Self {
        match (self, *other) {
            (Self::Gcra(this), Self::Gcra(other)) => Self::Gcra(this.max(other)),
            (Self::Window { count: this, .. }, Self::Window { count: other, .. }) => {
                let length = nanos(bucket.window);
                let count = this.or_later(other, length);
                Self::Window { count, ends: count.began.saturating_add(length) }
            }
            _ => self,
        }
    }
}

/// A bucket at one moment.
pub(super) enum Level {
    Gcra(Gcra),
    Window(Window),
}

/// Calls the same function of whichever it is.
macro_rules! either {
    ($level:expr, $it:ident => $call:expr) => {
        match $level {
            Level::Gcra($it) => $call,
            Level::Window($it) => $call,
        }
    };
}

impl Level {
    /// A bucket that counts in another way than it did begins anew.
    pub(super) fn at(now: u64, bucket: &Bucket, state: Option<&State>) -> Self {
        match (bucket.algorithm, state) {
            (Algorithm::Gcra, Some(State::Gcra(full_at))) => {
                Self::Gcra(Gcra::at(now, bucket, Some(*full_at)))
            }
            (Algorithm::Gcra, _) => Self::Gcra(Gcra::at(now, bucket, None)),
            (Algorithm::FixedWindow, Some(State::Window { count, .. })) => {
                Self::Window(Window::at(now, bucket, Some(*count)))
            }
            (Algorithm::FixedWindow, _) => Self::Window(Window::at(now, bucket, None)),
        }
    }

    pub(super) fn fits(&self, cost: u64) -> bool {
        either!(self, it => it.fits(cost))
    }

    pub(super) fn take(&mut self, cost: u64) {
        either!(self, it => it.take(cost));
    }

    /// What to say of it. `allowed` is asked for, because once the cost is taken it need not fit
    /// again.
    pub(super) fn allowance(&self, cost: u64, allowed: bool) -> Allowance {
        let retry_after = either!(self, it => it.retry_after(cost));
        Allowance {
            allowed,
            remaining: either!(self, it => it.remaining()),
            reset: either!(self, it => it.reset()),
            retry_after: if allowed { Duration::ZERO } else { retry_after },
        }
    }

    pub(super) fn state(&self) -> State {
        match self {
            Self::Gcra(gcra) => State::Gcra(gcra.full_at()),
            Self::Window(window) => State::Window { count: window.count(), ends: window.ends() },
        }
    }
}

/// Refuses what makes no sense, in words for whoever wrote the plugin's settings.
pub(super) fn check(buckets: &[Bucket], cost: u64) -> Result<(), StoreError> {
    let wrong = check_all(buckets, cost).or_else(|| {
        let one = |(index, bucket)| Some(format!("bucket {index}: {}", check_one(bucket, cost)?));
        (1..).zip(buckets).find_map(one)
    });
    wrong.map_or(Ok(()), |why| Err(StoreError::Invalid(why)))
}

fn check_all(buckets: &[Bucket], cost: u64) -> Option<String> {
    if cost == 0 {
        return Some("the cost is 0; it must be at least 1".into());
    }
    if buckets.len() > MAX_BUCKETS {
        let count = buckets.len();
        return Some(format!("{count} buckets at once; there may be {MAX_BUCKETS}"));
    }
    let same = |later: usize| (0..later).find(|earlier| buckets[*earlier].id == buckets[later].id);
    let (first, second) = (1..buckets.len()).find_map(|later| Some((same(later)?, later)))?;
    Some(format!(
        "buckets {} and {} have the same policy and key, so they are one: give each limit a policy \
         name of its own",
        first + 1,
        second + 1
    ))
}

fn check_one(bucket: &Bucket, cost: u64) -> Option<String> {
    let Bucket { id, algorithm, limit, window, burst } = bucket;
    if id.len() > MAX_ID {
        return Some(format!("policy and key are longer than {MAX_ID} bytes; hash long keys"));
    }
    if *limit == 0 {
        return Some("the limit is 0; it must be at least 1".into());
    }
    if *window < MIN_WINDOW || *window > MAX_WINDOW {
        return Some(format!("the window is {window:?}; it must be 1 ms to ten years"));
    }
    match algorithm {
        Algorithm::FixedWindow if cost > *limit => {
            Some(format!("the cost of {cost} is above the limit of {limit}: it would never fit"))
        }
        Algorithm::FixedWindow => None,
        Algorithm::Gcra if *burst == 0 => Some("the burst is 0; it must be at least 1".into()),
        Algorithm::Gcra if cost > *burst => {
            Some(format!("the cost of {cost} is above the burst of {burst}: it would never fit"))
        }
        Algorithm::Gcra if gcra::refill(bucket).is_none_or(|time| time > MAX_WINDOW) => {
            Some(format!(
                "a burst of {burst} at {limit} per {window:?} takes more than ten years to refill"
            ))
        }
        Algorithm::Gcra => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(algorithm: Algorithm) -> Bucket {
        let window = Duration::from_secs(60);
        Bucket { id: "a".into(), algorithm, limit: 10, window, burst: 5 }
    }

    fn gcra() -> Bucket {
        bucket(Algorithm::Gcra)
    }

    fn window() -> Bucket {
        bucket(Algorithm::FixedWindow)
    }

    fn refusal(buckets: &[Bucket], cost: u64) -> String {
        match check(buckets, cost) {
            Err(StoreError::Invalid(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_makes_sense_passes() {
        let other = Bucket { id: "b".into(), ..window() };
        check(&[gcra(), other], 5).unwrap();
        check(&[Bucket { burst: 0, ..window() }], 10).unwrap();
        check(&[Bucket { burst: 100, ..gcra() }], 100).unwrap();
        check(&[Bucket { window: Duration::from_millis(1), ..gcra() }], 1).unwrap();
    }

    #[test]
    fn what_makes_none_is_explained() {
        let cases = [
            (vec![gcra()], 0, "the cost is 0; it must be at least 1"),
            (
                vec![gcra()],
                6,
                "bucket 1: the cost of 6 is above the burst of 5: it would never fit",
            ),
            (
                vec![window()],
                11,
                "bucket 1: the cost of 11 is above the limit of 10: it would never fit",
            ),
            (
                vec![window(), Bucket { id: "b".into(), limit: 0, ..gcra() }],
                1,
                "bucket 2: the limit is 0; it must be at least 1",
            ),
            (vec![Bucket { burst: 0, ..gcra() }], 1, "bucket 1: the burst is 0"),
            (
                vec![Bucket { window: Duration::from_micros(999), ..gcra() }],
                1,
                "bucket 1: the window is 999µs; it must be 1 ms to ten years",
            ),
            (vec![Bucket { window: Duration::MAX, ..window() }], 1, "bucket 1: the window is "),
            (
                vec![Bucket { burst: u64::MAX, ..gcra() }],
                1,
                "bucket 1: a burst of 18446744073709551615 at 10 per 60s takes more than ten years",
            ),
            (
                vec![Bucket { id: "x".repeat(1025), ..gcra() }],
                1,
                "bucket 1: policy and key are longer than 1024 bytes; hash long keys",
            ),
            (vec![gcra(), window()], 1, "buckets 1 and 2 have the same policy and key"),
            (vec![gcra(); 65], 1, "65 buckets at once; there may be 64"),
        ];
        for (buckets, cost, why) in cases {
            assert!(refusal(&buckets, cost).starts_with(why), "{}", refusal(&buckets, cost));
        }
    }

    #[test]
    fn a_bucket_that_counts_in_another_way_begins_anew() {
        let mut level = Level::at(0, &gcra(), None);
        level.take(5);
        assert!(!Level::at(0, &gcra(), Some(&level.state())).fits(1));
        assert!(Level::at(0, &window(), Some(&level.state())).fits(10));
    }

    #[test]
    fn the_later_of_two_states_has_taken_more_or_begun_later() {
        let window_at = |began, used| State::Window {
            count: Count { began, used },
            ends: began + nanos(window().window),
        };
        let half = nanos(window().window) / 2;
        let cases = [
            (gcra(), State::Gcra(7), State::Gcra(9), State::Gcra(9)),
            (window(), window_at(5, 3), window_at(9, 2), window_at(5, 3)),
            (window(), window_at(5, 2), window_at(9, 3), window_at(5, 3)),
            (window(), window_at(5, 8), window_at(5 + half, 1), window_at(5 + half, 1)),
        ];
        for (bucket, one, other, later) in cases {
            assert_eq!(one.or_later(&other, &bucket), later);
            assert_eq!(other.or_later(&one, &bucket), later);
        }
        assert_eq!(State::Gcra(7).or_later(&window_at(5, 2), &gcra()), State::Gcra(7));
    }

    #[test]
    fn a_state_expires_when_it_says_nothing_more() {
        for bucket in [gcra(), window()] {
            let mut level = Level::at(7, &bucket, None);
            level.take(3);
            let state = level.state();
            let at = |now| Level::at(now, &bucket, Some(&state)).allowance(1, true);
            let full = Level::at(0, &bucket, None).allowance(1, true);
            assert_ne!(at(state.expires() - 1), full);
            assert_eq!(at(state.expires()), full);
        }
    }
}
