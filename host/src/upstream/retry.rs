//! Whether a request is sent again, and when.
//!
//! Beside this, and without being counted, a request goes on to the next target when one takes no
//! connection, and once more when a kept connection turns out to have been closed.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use http::header::{TRAILER, UPGRADE};
use http_body::Body as _;

use super::{
    UpstreamError,
    outcome::{Answered, Failed},
    request,
    target::milliseconds,
    upload::Upload,
};
use crate::{
    body::Body,
    config::{Hedge, Retries, RetryOn},
    heads::Request,
};

/// How often the pause doubles at most.
const MOST_DOUBLINGS: u32 = 5;

/// One request's retries.
pub(super) struct Retry<'a> {
    settings: &'a Retries,
    budget: &'a Budget,
    /// Times that it was sent.
    sent: u32,
    /// The request as it came, if it may be repeated.
    spare: Option<Request<Body>>,
}

impl Retry<'_> {
    /// Whether and how the request may be sent to several targets at once: what asks for another
    /// protocol wants one connection.
    pub(super) fn hedge(&self) -> Option<Hedge> {
        let spare = self.spare.as_ref()?;
        self.settings.hedge.filter(|_| !spare.head.headers.contains(UPGRADE))
    }

    /// The request for another target, while the budget lasts.
    pub(super) fn once_more(&self) -> Option<Request<Body>> {
        let again = request::copy(self.spare.as_ref()?)?;
        self.budget.hedge(milliseconds() / 1000).then_some(again)
    }

    /// Whether it is no answer, or one that would be asked for again.
    pub(super) fn is_poor(&self, outcome: &Result<Answered, Failed>) -> bool {
        let Ok(answered) = outcome else { return true };
        self.settings.on.contains(&RetryOn::Status(answered.head.status.as_u16()))
    }
}

impl<'a> Retry<'a> {
    /// Keeps what is needed to send the request again. A body that is short and is still on its way
    /// is waited for.
    pub(super) async fn prepare(
        settings: &'a Retries,
        budget: &'a Budget,
        request: &mut Request<Body>,
        upload: &mut Option<Upload>,
    ) -> Result<Self, UpstreamError> {
        budget.earn(settings.budget);
        let idempotent = request.head.method.is_idempotent();
        let length = request.body.size_hint().exact();
        let is_short = length.is_some_and(|length| length <= settings.body);
        if let Some(sent) = upload.as_ref().filter(|_| idempotent && is_short)
            && !request.head.headers.contains(TRAILER)
        {
            let body = std::mem::take(&mut request.body).collect(settings.body).await;
            request.body = Body::from(
                body.map_err(|why| UpstreamError::RequestBody(sent.failure().unwrap_or(why)))?,
            );
            *upload = None;
        }
        let spare = if idempotent { request::copy(request) } else { None };
        Ok(Self { settings, budget, sent: 1, spare })
    }

    /// The request to send again after this pause, or none. `unsent` is the request, if nothing of
    /// it was sent.
    pub(super) fn next(
        &mut self,
        outcome: &Result<Answered, Failed>,
        unsent: Option<Request<Body>>,
        deadline: Instant,
    ) -> Option<(Request<Body>, Duration)> {
        let reason = match outcome {
            Ok(answered) => RetryOn::Status(answered.head.status.as_u16()),
            Err(failed) => failed.retry?,
        };
        if self.sent >= self.settings.attempts || !self.settings.on.contains(&reason) {
            return None;
        }
        let again = match (unsent, &self.spare) {
            (Some(unsent), _) => unsent,
            (None, Some(spare)) => request::copy(spare)?,
            (None, None) => return None,
        };
        let pause = pause(self.settings.backoff, self.sent - 1, random());
        if Instant::now() + pause >= deadline || !self.budget.retry(milliseconds() / 1000) {
            return None;
        }
        self.sent += 1;
        Some((again, pause))
    }
}

/// A random time up to the backoff, doubled for each repetition: whole jitter, so that requests
/// that failed together do not come back together.
fn pause(backoff: Duration, repetitions: u32, random: f64) -> Duration {
    backoff.mul_f64(random * f64::from(1 << repetitions.min(MOST_DOUBLINGS)))
}

fn random() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

/// How many requests an upstream may get again, or twice at once, over all workers. Every request earns a part of a
/// repetition, and some in each second are free, so that an upstream with little traffic has
/// retries at all. While requests are answered it is full, and only read.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// Hundredths of a repetition.
    earned: AtomicU64,
    /// The second in the upper half, how many of its free ones are used in the lower.
    free: AtomicU64,
    retries: AtomicU64,
    hedges: AtomicU64,
    hedges_won: AtomicU64,
    exhausted: AtomicU64,
}

/// Repetitions that may be saved up.
const MOST_SAVED: u64 = 100;

/// Repetitions in a second that need not be earned.
const FREE: u64 = 10;

impl Budget {
    pub(super) fn retries(&self) -> u64 {
        self.retries.load(Relaxed)
    }

    pub(super) fn exhausted(&self) -> u64 {
        self.exhausted.load(Relaxed)
    }

    pub(super) fn hedges(&self) -> u64 {
        self.hedges.load(Relaxed)
    }

    pub(super) fn hedges_won(&self) -> u64 {
        self.hedges_won.load(Relaxed)
    }

    /// A second target has answered before the first.
    pub(super) fn hedge_won(&self) {
        self.hedges_won.fetch_add(1, Relaxed);
    }

    fn earn(&self, percent: u32) {
        if self.earned.load(Relaxed) < MOST_SAVED * 100 {
            self.earned.fetch_add(u64::from(percent), Relaxed);
        }
    }

    fn retry(&self, second: u64) -> bool {
        self.spend(second, &self.retries)
    }

    fn hedge(&self, second: u64) -> bool {
        self.spend(second, &self.hedges)
    }

    fn spend(&self, second: u64, counter: &AtomicU64) -> bool {
        let spent = self.spend_free(second) || self.spend_earned();
        let counter = if spent { counter } else { &self.exhausted };
        counter.fetch_add(1, Relaxed);
        spent
    }

    fn spend_earned(&self) -> bool {
        let less = |earned: u64| earned.checked_sub(100);
        self.earned.fetch_update(Relaxed, Relaxed, less).is_ok()
    }

    fn spend_free(&self, second: u64) -> bool {
        let more = |free: u64| {
            let used = if free >> 32 == second { free & u64::from(u32::MAX) } else { 0 };
            (used < FREE).then_some(second << 32 | (used + 1))
        };
        self.free.fetch_update(Relaxed, Relaxed, more).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_requests_and_some_for_free() {
        let budget = Budget::default();
        (0..FREE).for_each(|_| assert!(budget.retry(7)));
        assert!(!budget.retry(7));
        assert!(budget.retry(8), "another second");
        (1..FREE).for_each(|_| assert!(budget.retry(8)));
        (0..10).for_each(|_| budget.earn(20));
        assert!(budget.retry(8) && budget.hedge(8) && !budget.hedge(8));
        assert_eq!((budget.retries(), budget.hedges(), budget.exhausted()), (21, 1, 2));
    }

    #[test]
    fn what_is_saved_has_an_end() {
        let budget = Budget::default();
        (0..10_000).for_each(|_| budget.earn(100));
        assert_eq!((0..1000).filter(|_| budget.spend_earned()).count(), 100);
    }

    #[test]
    fn pauses_double_and_end() {
        let backoff = Duration::from_millis(10);
        assert_eq!(pause(backoff, 0, 0.0), Duration::ZERO);
        assert_eq!(pause(backoff, 0, 1.0), Duration::from_millis(10));
        assert_eq!(pause(backoff, 2, 0.5), Duration::from_millis(20));
        assert_eq!(pause(backoff, 9, 1.0), Duration::from_millis(320));
    }
}
