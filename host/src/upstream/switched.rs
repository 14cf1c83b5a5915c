//! A connection to a service that has become something else than HTTP (RFC 9110, 7.8).

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::tls::Stream;

/// Goes with the head of a 101 to whoever carries the bytes from then on, who takes it out once.
/// (What goes with a head must be `Clone`.)
#[derive(Clone)]
pub struct Switched(Arc<Mutex<Option<(Stream, Bytes)>>>);

impl Switched {
    pub(super) fn new(stream: Stream, ahead: Bytes) -> Self {
        Self(Arc::new(Mutex::new(Some((stream, ahead)))))
    }

    /// The stream, and what was read of it already. None for whoever comes second.
    pub fn take(&self) -> Option<(Stream, Bytes)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
