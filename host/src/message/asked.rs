//! Whom the gateway has asked for an answer.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

/// How often somebody was asked, and who was last. Attempts at several targets may note it at a time, all on the
/// exchange's own thread: nothing is locked.
#[derive(Debug, Default)]
pub struct Asked {
    attempts: AtomicU32,
    /// Index among the upstream's targets; nobody's while there was no attempt.
    target: AtomicUsize,
}

impl Asked {
    /// An attempt begins at this target.
    pub fn begin(&self, target: usize) {
        self.attempts.store(self.attempts().saturating_add(1), Relaxed);
        self.at(target);
    }

    /// This target has answered.
    pub fn at(&self, target: usize) {
        self.target.store(target, Relaxed);
    }

    /// How many attempts there were.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Relaxed)
    }

    /// The target that has answered, else the one that was tried last; none before the first attempt.
    pub fn target(&self) -> Option<usize> {
        (self.attempts() > 0).then(|| self.target.load(Relaxed))
    }
}
