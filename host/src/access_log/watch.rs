//! Bodies that are counted, and whose end is known.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::body::{Body, BodyError};

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
    (Body::boxed(Counted { body, count: count.clone() }), Counter(Some(count)))
}

struct Counted {
    body: Body,
    count: Arc<AtomicU64>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.count.fetch_add(bytes, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Calls `done` with the bytes that passed, and whether that was all, when the body has ended or
/// was given up. A body without bytes has ended already.
pub(super) fn until_end(body: Body, done: impl FnOnce(u64, bool) + Send + Unpin + 'static) -> Body {
    if body.is_end_stream() {
        done(0, true);
        return body;
    }
    Body::boxed(Watched { body, bytes: 0, complete: false, done: Some(done) })
}

struct Watched<F: FnOnce(u64, bool)> {
    body: Body,
    bytes: u64,
    complete: bool,
    done: Option<F>,
}

impl<F: FnOnce(u64, bool) + Unpin> HttpBody for Watched<F> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                self.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
                // hyper does not ask again when all that was announced has come.
                self.complete = self.body.is_end_stream();
            }
            Some(Err(_)) => {}
            None => self.complete = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<F: FnOnce(u64, bool)> Drop for Watched<F> {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(self.bytes, self.complete);
        }
    }
}
