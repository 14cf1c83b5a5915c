//! The time that expiry and counting go by.

use std::time::{Duration, Instant};

/// Time since some moment in the past, never going back.
pub trait Clock: Send + Sync {
    /// Nanoseconds since that moment.
    fn now(&self) -> u64;
}

/// The system's monotonic clock. It counts from its creation, so that 64 bits are enough.
pub struct Monotonic(Instant);

impl Monotonic {
    /// A clock that begins now.
    #[expect(clippy::new_without_default, reason = "the moment at which it is made matters")]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now(&self) -> u64 {
        nanos(self.0.elapsed())
    }
}

/// The same, and it has run for eleven years already: windows that began elsewhere began long ago, and
/// their begin must not be before all time.
pub(super) struct Aged(Monotonic);

/// The longest window, and more.
const AGE: u64 = 11 * 366 * 24 * 3600 * 1_000_000_000;

impl Aged {
    pub(super) fn new() -> Self {
        Self(Monotonic::new())
    }
}

impl Clock for Aged {
    fn now(&self) -> u64 {
        AGE + self.0.now()
    }
}

/// A duration in nanoseconds, as many as 64 bits hold: 584 years are for ever here.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) mod manual {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    /// A clock that stands until it is moved.
    #[derive(Default)]
    pub(in crate::store) struct Manual(AtomicU64);

    impl Manual {
        pub(in crate::store) fn new() -> Arc<Self> {
            Arc::default()
        }

        pub(in crate::store) fn advance(&self, by: Duration) {
            self.0.fetch_add(nanos(by), Ordering::SeqCst);
        }
    }

    impl Clock for Manual {
        fn now(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }
}
