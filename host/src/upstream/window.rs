//! How many of the last requests failed, counted by all workers without a lock.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::ramp::in_milliseconds;

/// Parts of the window: each time the oldest is forgotten.
const PARTS: u64 = 10;

/// Requests and failures over the last while, in a ring of [`PARTS`].
pub(super) struct Window {
    /// The length of a part.
    part: u64,
    parts: [AtomicU64; PARTS as usize + 1],
}

/// A part is one number: which it is, its requests, its failures. So it changes as a whole.
const BITS: u32 = 20;
const MOST: u64 = (1 << BITS) - 1;

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        let part = (in_milliseconds(length) / PARTS).max(1);
        Self { part, parts: Default::default() }
    }

    /// A request has ended.
    pub(super) fn add(&self, failed: bool, now: u64) {
        self.change(now, |requests, failures| (requests + 1, failures + u64::from(failed)));
    }

    /// A request that was counted as well has failed after all.
    pub(super) fn fail(&self, now: u64) {
        // It may have been counted in an earlier part.
        self.change(now, |requests, failures| (requests.max(failures + 1), failures + 1));
    }

    fn change(&self, now: u64, change: impl Fn(u64, u64) -> (u64, u64)) {
        let number = self.number(now);
        let part = &self.parts[(number % self.parts.len() as u64) as usize];
        let more = |old: u64| {
            let (requests, failures) = if is_part(old, number) { counts(old) } else { (0, 0) };
            let (requests, failures) = change(requests, failures);
            let (requests, failures) = (requests.min(MOST), failures.min(MOST));
            Some(number << (2 * BITS) | requests << BITS | failures)
        };
        let _ = part.fetch_update(Relaxed, Relaxed, more);
    }

    /// Requests, and how many of them failed.
    pub(super) fn sum(&self, now: u64) -> (u64, u64) {
        let number = self.number(now);
        let recent = |part: &u64| (0..=PARTS.min(number)).any(|age| is_part(*part, number - age));
        let parts = self.parts.iter().map(|part| part.load(Relaxed)).filter(recent).map(counts);
        parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }

    pub(super) fn clear(&self) {
        self.parts.iter().for_each(|part| part.store(0, Relaxed));
    }

    fn number(&self, now: u64) -> u64 {
        now / self.part
    }
}

fn counts(part: u64) -> (u64, u64) {
    (part >> BITS & MOST, part & MOST)
}

/// By the lower bits of its number: they come again after weeks.
fn is_part(part: u64, number: u64) -> bool {
    part >> (2 * BITS) == number << (2 * BITS) >> (2 * BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slides_part_by_part() {
        let window = Window::new(Duration::from_secs(1));
        window.add(true, 1000);
        window.add(false, 1450);
        assert_eq!(window.sum(1450), (2, 1));
        assert_eq!(window.sum(2099), (2, 1));
        assert_eq!(window.sum(2100), (1, 0));
        // Its place in the ring is taken by a later part.
        window.add(true, 2100);
        assert_eq!(window.sum(2100), (2, 1));
        window.clear();
        assert_eq!(window.sum(2100), (0, 0));
    }

    #[test]
    fn a_request_that_fails_after_all_is_one_of_those_that_there_were() {
        let window = Window::new(Duration::from_secs(1));
        (0..2).for_each(|_| window.add(false, 1000));
        window.fail(1050);
        assert_eq!(window.sum(1050), (2, 1));
        window.fail(2050);
        assert_eq!(window.sum(2050), (3, 2), "it was counted in another part");
        window.fail(2100);
        assert_eq!(window.sum(2100), (2, 2), "or was forgotten");
    }

    #[test]
    fn a_part_does_not_overflow() {
        let window = Window::new(Duration::from_secs(1));
        window.parts[1].store(1 << (2 * BITS) | MOST << BITS | MOST, Relaxed);
        window.add(true, 100);
        assert_eq!(window.sum(100), (MOST, MOST));
    }

    #[test]
    fn it_is_good_for_years() {
        let (window, years) = (Window::new(Duration::from_secs(1)), 1 << 38);
        window.add(true, years);
        assert_eq!(window.sum(years), (1, 1));
        assert_eq!(window.sum(years + 1100), (0, 0));
    }
}
