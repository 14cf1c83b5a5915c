//! How many connections there are, and have been.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// Connections of the process, over all its listeners and workers.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicUsize,
    accepted: AtomicU64,
    not_accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Connections {
    /// Open now.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Accepted, in all.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Times that accepting failed, most often for want of file descriptors.
    pub fn not_accepted(&self) -> u64 {
        self.not_accepted.load(Relaxed)
    }

    /// Closed at once, for there were too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Closed before the first request: a PROXY header or a TLS handshake failed, or nothing came.
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    pub(super) fn could_not_accept(&self) {
        self.not_accepted.fetch_add(1, Relaxed);
    }

    /// Counts a connection, if there is room for it.
    pub(super) fn admit(self: &Arc<Self>, most: usize) -> Option<Counted> {
        let before = self.open.fetch_add(1, Relaxed);
        let counted = Counted(self.clone());
        if before >= most {
            self.refused.fetch_add(1, Relaxed);
            return None;
        }
        self.accepted.fetch_add(1, Relaxed);
        Some(counted)
    }
}

/// One open connection, counted until it is dropped.
pub(super) struct Counted(Arc<Connections>);

impl Counted {
    pub(super) fn failed(&self) {
        self.0.failed.fetch_add(1, Relaxed);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
