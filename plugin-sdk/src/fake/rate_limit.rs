//! `rate-limit`.

use std::{collections::BTreeSet, time::Duration};

use super::FakeHost;
use crate::{
    Refused,
    host::{Algorithm, Bucket, RateLimit, RateLimitError, Verdict, real::keys},
};

pub(super) struct FakeRateLimit(pub(super) FakeHost);

const MAX_BUCKETS: usize = 64;
/// Ten years.
const MAX_WINDOW: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// How full a bucket is: for `gcra`, until when; for `fixed-window`, since when and how much.
#[derive(Clone, Copy, Default)]
pub(super) struct Fill {
    until: f64,
    since: u64,
    taken: u64,
}

impl Fill {
    /// The bucket with the cost taken, if it fits, and what is to be said of it.
    fn take(self, bucket: &Bucket, cost: u64, now: u64) -> (Self, Verdict) {
        match bucket.algorithm {
            Algorithm::Gcra => self.take_spaced(bucket, cost, now as f64),
            Algorithm::FixedWindow => self.take_windowed(bucket, cost, now),
        }
    }

    /// What is to be said of it when another bucket refuses, so that nothing is taken.
    fn keep(self, bucket: &Bucket, now: u64, verdict: Verdict) -> Verdict {
        let (_, as_it_is) = self.take(bucket, 0, now);
        Verdict { remaining: as_it_is.remaining, reset_ms: as_it_is.reset_ms, ..verdict }
    }

    fn take_spaced(self, bucket: &Bucket, cost: u64, now: f64) -> (Self, Verdict) {
        let each = bucket.window_ms as f64 / bucket.limit as f64;
        let room = each * capacity(bucket) as f64;
        let full = self.until.max(now);
        let after = full + each * cost as f64;
        let late = (after - now - room).max(0.0);
        let until = if late == 0.0 { after } else { full };
        let verdict = Verdict {
            allowed: late == 0.0,
            remaining: ((room - (until - now)) / each) as u64,
            reset_ms: (until - now).ceil() as u64,
            retry_after_ms: late.ceil() as u64,
        };
        (Self { until, ..self }, verdict)
    }

    fn take_windowed(self, bucket: &Bucket, cost: u64, now: u64) -> (Self, Verdict) {
        let is_over = now >= self.since + bucket.window_ms;
        let (since, taken) = if is_over { (now, 0) } else { (self.since, self.taken) };
        // The limit may have become less than what was taken.
        let remaining = bucket.limit.saturating_sub(taken);
        let allowed = cost <= remaining;
        let taken = if allowed { taken + cost } else { taken };
        let left_ms = since + bucket.window_ms - now;
        let verdict = Verdict {
            allowed,
            remaining: bucket.limit.saturating_sub(taken),
            reset_ms: if taken == 0 { 0 } else { left_ms },
            retry_after_ms: if allowed { 0 } else { left_ms },
        };
        (Self { since, taken, ..self }, verdict)
    }
}

/// How much a bucket holds when it is full.
fn capacity(bucket: &Bucket) -> u64 {
    match bucket.algorithm {
        Algorithm::Gcra => bucket.burst.unwrap_or(bucket.limit),
        Algorithm::FixedWindow => bucket.limit,
    }
}

/// What makes no sense, in the host's words.
fn check(buckets: &[Bucket], cost: u64) -> Result<(), String> {
    if cost == 0 {
        return Err("the cost is 0; it must be at least 1".into());
    }
    if buckets.len() > MAX_BUCKETS {
        return Err(format!("{} buckets at once; there may be {MAX_BUCKETS}", buckets.len()));
    }
    let wrong =
        (1..).zip(buckets).find_map(|(number, bucket)| Some((number, wrong(bucket, cost)?)));
    wrong.map_or(Ok(()), |(number, why)| Err(format!("bucket {number}: {why}")))
}

fn wrong(bucket: &Bucket, cost: u64) -> Option<String> {
    let &Bucket { limit, window_ms, .. } = bucket;
    let (window, room) = (Duration::from_millis(window_ms), capacity(bucket));
    if limit == 0 {
        return Some("the limit is 0; it must be at least 1".into());
    }
    if window_ms == 0 || window > MAX_WINDOW {
        return Some(format!("the window is {window:?}; it must be 1 ms to ten years"));
    }
    let (what, is_spaced) = match bucket.algorithm {
        Algorithm::Gcra => ("burst", true),
        Algorithm::FixedWindow => ("limit", false),
    };
    if is_spaced && room == 0 {
        return Some("the burst is 0; it must be at least 1".into());
    }
    if cost > room {
        return Some(format!(
            "the cost of {cost} is above the {what} of {room}: it would never fit"
        ));
    }
    let refill = window.as_secs_f64() / limit as f64 * room as f64;
    (is_spaced && refill > MAX_WINDOW.as_secs_f64()).then(|| {
        format!("a burst of {room} at {limit} per {window:?} takes more than ten years to refill")
    })
}

/// Policy and key of each bucket.
fn names(buckets: &[Bucket], route: &str) -> Vec<(String, String)> {
    let policy = |bucket: &Bucket| bucket.policy.clone().unwrap_or_else(|| route.to_owned());
    buckets.iter().map(|bucket| (policy(bucket), bucket.key.clone())).collect()
}

impl RateLimit for FakeRateLimit {
    fn take(&self, buckets: &[Bucket], cost: u64) -> Result<Vec<Verdict>, Refused<RateLimitError>> {
        let mut state = self.0.call("rate-limit");
        let refused = |why| Err(Refused::new(keys(buckets), why));
        if state.stores_are_down {
            return refused(RateLimitError::Unavailable(super::DOWN.into()));
        }
        if let Err(why) = check(buckets, cost) {
            return refused(RateLimitError::Invalid(why));
        }
        let names = names(buckets, &state.request.route);
        if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            return refused(RateLimitError::Invalid("two buckets have one policy and key".into()));
        }
        let now = state.unix_millis;
        let fills: Vec<Fill> =
            names.iter().map(|name| state.buckets.get(name).copied().unwrap_or_default()).collect();
        let taken = fills.iter().zip(buckets).map(|(fill, bucket)| fill.take(bucket, cost, now));
        let (after, verdicts): (Vec<Fill>, Vec<Verdict>) = taken.unzip();
        // All or nothing.
        if verdicts.iter().all(|verdict| verdict.allowed) {
            state.buckets.extend(names.into_iter().zip(after));
            return Ok(verdicts);
        }
        let kept = fills.iter().zip(buckets).zip(verdicts);
        Ok(kept.map(|((fill, bucket), verdict)| fill.keep(bucket, now, verdict)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host as _;

    fn bucket(algorithm: Algorithm, limit: u64) -> Bucket {
        Bucket { policy: None, key: "k".into(), algorithm, limit, window_ms: 1000, burst: None }
    }

    #[test]
    fn a_limit_that_became_smaller_holds_for_the_window_that_runs() {
        let host = FakeHost::get("/");
        let take = |limit, cost| {
            let bucket = bucket(Algorithm::FixedWindow, limit);
            host.rate_limit().take(&[bucket], cost).unwrap()[0]
        };
        assert_eq!(take(9, 8).remaining, 1);
        let verdict = take(5, 1);
        assert_eq!((verdict.allowed, verdict.remaining), (false, 0));
        assert_eq!((verdict.retry_after_ms, verdict.reset_ms), (1000, 1000));
        assert_eq!(take(20, 1).remaining, 11);
        assert!(!take(u64::MAX, u64::MAX).allowed, "sums do not wrap");
    }

    #[test]
    fn what_makes_no_sense_is_explained() {
        let wrong = |bucket: Bucket, cost| {
            let refused = FakeHost::get("/").rate_limit().take(&[bucket], cost).unwrap_err();
            let RateLimitError::Invalid(why) = refused.why else { panic!("{refused:?}") };
            why
        };
        let (spaced, window) = (bucket(Algorithm::Gcra, 3), bucket(Algorithm::FixedWindow, 3));
        assert_eq!(wrong(spaced.clone(), 0), "the cost is 0; it must be at least 1");
        let expected = "bucket 1: the cost of 4 is above the burst of 3: it would never fit";
        assert_eq!(wrong(spaced.clone(), 4), expected);
        let expected = "bucket 1: the cost of 4 is above the limit of 3: it would never fit";
        assert_eq!(wrong(window.clone(), 4), expected);
        let none = Bucket { limit: 0, ..window.clone() };
        assert_eq!(wrong(none, 1), "bucket 1: the limit is 0; it must be at least 1");
        let none = Bucket { burst: Some(0), ..spaced.clone() };
        assert_eq!(wrong(none, 1), "bucket 1: the burst is 0; it must be at least 1");
        let long = Bucket { window_ms: u64::MAX, ..window };
        assert!(wrong(long, 1).ends_with("it must be 1 ms to ten years"));
        let long = Bucket { burst: Some(1 << 40), ..spaced };
        let expected = "a burst of 1099511627776 at 3 per 1s takes more than ten years to refill";
        assert_eq!(wrong(long, 1), format!("bucket 1: {expected}"));
    }
}
