//! How long to wait before the next attempt to connect.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(2);

/// Doubles from attempt to attempt. Each is a random time up to a quarter shorter, so that gateways
/// that lost a server together do not come back to it in the same moment.
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let longest = self.0;
        self.0 = (2 * longest).min(LONGEST);
        let random = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
        longest.mul_f64(1.0 - random / 4.0)
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_its_end_and_begins_anew() {
        let mut backoff = Backoff::default();
        for longest in [20, 40, 80, 160, 320, 640, 1280, 2000, 2000] {
            let (time, longest) = (backoff.next(), Duration::from_millis(longest));
            assert!((longest.mul_f64(0.75)..=longest).contains(&time), "{time:?} of {longest:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
