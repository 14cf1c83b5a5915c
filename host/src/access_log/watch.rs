//! Bodies that are counted, and whose end is known.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http_body::Body as _;

use crate::body::{Body, BodyError, Tap, Tapped};

/// Bytes that have passed.
#[derive(Debug, Clone, Default)]
pub struct Counter(Option<Arc<AtomicU64>>);

impl Counter {
    /// How many.
    pub fn get(&self) -> u64 {
        self.0.as_ref().map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// A body whose bytes are counted as they pass. One without bytes passes as it is.
pub fn counted(body: Body) -> (Body, Counter) {
    if body.is_end_stream() {
        return (body, Counter::default());
    }
    let count = Arc::new(AtomicU64::new(0));
    (Body::boxed(Tapped::new(body, Counting(count.clone()))), Counter(Some(count)))
}

struct Counting(Arc<AtomicU64>);

impl Tap for Counting {
    fn data(&mut self, piece: &Bytes) -> Result<(), BodyError> {
        self.0.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Calls `done` with the bytes that passed, and whether that was all, when the body has ended or
/// was given up. A body without bytes has ended already.
pub(super) fn until_end(body: Body, done: impl FnOnce(u64, bool) + Send + Unpin + 'static) -> Body {
    if body.is_end_stream() {
        done(0, true);
        return body;
    }
    Body::boxed(Tapped::new(body, Watching { bytes: 0, complete: false, done: Some(done) }))
}

struct Watching<F: FnOnce(u64, bool)> {
    bytes: u64,
    complete: bool,
    done: Option<F>,
}

impl<F: FnOnce(u64, bool)> Tap for Watching<F> {
    fn data(&mut self, piece: &Bytes) -> Result<(), BodyError> {
        self.bytes += piece.len() as u64;
        Ok(())
    }

    fn end(&mut self) {
        self.complete = true;
    }

    fn broken(&mut self) {
        self.complete = false;
    }
}

impl<F: FnOnce(u64, bool)> Drop for Watching<F> {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(self.bytes, self.complete);
        }
    }
}
