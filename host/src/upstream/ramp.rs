//! How a target gets its share of the requests bit by bit: caches that are cold, and connections
//! that are still to be made, would not take all of it at once. An ejection that is over, a check
//! that finds a target healthy again, and a reload that brings one are the same here.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The whole share of the requests.
pub(super) const WHOLE: u8 = u8::MAX;

/// The least share: a tenth, or nobody would find out that it works again.
const LEAST: u64 = 26;

/// When a target comes back. Times are on the clock of [`milliseconds`](super::target::milliseconds).
#[derive(Debug, Default)]
pub(super) struct Ramp {
    /// It is out before, and gets its share from then on; zero once it has all of it.
    begin: AtomicU64,
    /// How long that takes.
    length: AtomicU64,
}

impl Ramp {
    /// It is out until `begin`, and has its whole share when `length` is over as well.
    pub(super) fn begin(&self, begin: u64, length: Duration) {
        self.length.store(in_milliseconds(length), Relaxed);
        self.begin.store(begin, Relaxed);
    }

    pub(super) fn is_out(&self, now: u64) -> bool {
        now < self.begin.load(Relaxed)
    }

    /// For how long it is still out.
    pub(super) fn left(&self, now: u64) -> Option<Duration> {
        let left = self.begin.load(Relaxed).checked_sub(now).filter(|left| *left > 0);
        left.map(Duration::from_millis)
    }

    /// How much of its share it gets now: nothing, some, or the [`WHOLE`]. Where it was never out
    /// that is one load.
    pub(super) fn share(&self, now: impl FnOnce() -> u64) -> u8 {
        let begin = self.begin.load(Relaxed);
        if begin == 0 {
            return WHOLE;
        }
        let Some(since) = now().checked_sub(begin) else { return 0 };
        let length = self.length.load(Relaxed);
        if since >= length {
            let _ = self.begin.compare_exchange(begin, 0, Relaxed, Relaxed);
            return WHOLE;
        }
        u8::try_from((since * u64::from(WHOLE) / length).max(LEAST)).unwrap_or(WHOLE)
    }

    /// Takes over what another one knew of the same target.
    pub(super) fn inherit(&self, old: &Self) {
        self.length.store(old.length.load(Relaxed), Relaxed);
        self.begin.store(old.begin.load(Relaxed), Relaxed);
    }
}

pub(super) fn in_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_comes_back_bit_by_bit() {
        let ramp = Ramp::default();
        assert_eq!(ramp.share(|| unreachable!("nobody asks for the time")), WHOLE);
        ramp.begin(6000, Duration::from_millis(200));
        assert!(ramp.is_out(5999) && !ramp.is_out(6000));
        assert_eq!(ramp.left(5998), Some(Duration::from_millis(2)));
        assert_eq!(ramp.left(6000), None);
        assert_eq!(ramp.share(|| 5999), 0);
        assert_eq!(ramp.share(|| 6000), 26);
        assert_eq!(ramp.share(|| 6100), 127);
        assert_eq!(ramp.share(|| 6199), 253);
        assert_eq!(ramp.share(|| 6200), WHOLE);
        assert_eq!(ramp.share(|| unreachable!("it is forgotten")), WHOLE);
    }

    #[test]
    fn without_a_length_it_is_back_at_once() {
        let ramp = Ramp::default();
        ramp.begin(1, Duration::ZERO);
        assert_eq!(ramp.share(|| 1), WHOLE);
    }
}
