//! Bodies that are counted, and whose end is known.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http_body::Body as _;

use super::Broken;
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

/// Calls `done` with the bytes that passed, and why that was not all, when the body has ended or
/// was given up. A body without bytes has ended already.
pub(super) fn until_end(
    body: Body,
    done: impl FnOnce(u64, Option<Broken>) + Send + Unpin + 'static,
) -> Body {
    if body.is_end_stream() {
        done(0, None);
        return body;
    }
    Body::boxed(Tapped::new(body, Watching { bytes: 0, end: None, done: Some(done) }))
}

struct Watching<F: FnOnce(u64, Option<Broken>)> {
    bytes: u64,
    end: Option<Result<(), Broken>>,
    done: Option<F>,
}

impl<F: FnOnce(u64, Option<Broken>)> Tap for Watching<F> {
    fn data(&mut self, piece: &Bytes) -> Result<(), BodyError> {
        self.bytes += piece.len() as u64;
        Ok(())
    }

    fn end(&mut self) {
        self.end = Some(Ok(()));
    }

    /// Asked once more it may say something else.
    fn broken(&mut self, why: &BodyError) {
        if !matches!(self.end, Some(Err(_))) {
            self.end = Some(Err(Broken::of(why)));
        }
    }
}

impl<F: FnOnce(u64, Option<Broken>)> Drop for Watching<F> {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(self.bytes, self.end.unwrap_or_else(|| Err(Broken::given_up())).err());
        }
    }
}
