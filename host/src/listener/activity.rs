//! What a connection is doing, noted as it happens and looked at by the task that times it.
//!
//! hyper's own `header_read_timeout` runs while a connection waits for its next request, so it
//! cannot tell an idle client from a slow one; and it registers a timer for every request. Here
//! noting is a store, and the clock is asked once for each request.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http::Version;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Counted;
use crate::{
    body::{Body, BodyError},
    tls::Stream,
};

/// One connection's notes. They are written and read on one thread; the atomics only make it
/// `Sync`, and are never fought over.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests that have begun, and whose response has ended.
    begun: AtomicU64,
    ended: AtomicU64,
    /// Bytes have come since the last request began.
    head: AtomicBool,
    /// The client does not take what we write.
    blocked: AtomicBool,
    writes: AtomicU64,
    /// A body broke off whose end is the connection's: it must not end in good order.
    broken: AtomicBool,
}

/// What a connection is doing. The number changes when it begins to do the same anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Waits for a request.
    Idle(u64),
    /// Reads a head.
    Head(u64),
    /// A request is being answered.
    Busy,
    /// Waits for the client to take bytes.
    Blocked(u64),
}

impl Activity {
    pub(super) fn doing(&self) -> Doing {
        let ended = self.ended.load(Relaxed);
        if self.blocked.load(Relaxed) {
            Doing::Blocked(self.writes.load(Relaxed))
        } else if self.begun.load(Relaxed) != ended {
            Doing::Busy
        } else if self.head.load(Relaxed) {
            Doing::Head(ended)
        } else {
            Doing::Idle(ended)
        }
    }

    /// A request's head is complete; it is being answered until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.head.store(false, Relaxed);
        self.begun.fetch_add(1, Relaxed);
        Busy(self.clone())
    }

    fn read_some(&self) {
        if self.begun.load(Relaxed) == self.ended.load(Relaxed) {
            self.head.store(true, Relaxed);
        }
    }

    fn wrote<T>(&self, result: Poll<T>) -> Poll<T> {
        self.blocked.store(result.is_pending(), Relaxed);
        if result.is_ready() {
            self.writes.store(self.writes.load(Relaxed).wrapping_add(1), Relaxed);
        }
        result
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Relaxed);
    }
}

/// A response body that keeps its connection busy.
pub(super) struct Answer {
    body: Body,
    busy: Busy,
    /// Nothing but the connection's end tells the client where the body ends.
    unframed: bool,
}

impl Answer {
    /// The body of an answer to a request of this version. HTTP/1.0 has no chunks (RFC 9112, 6.3).
    pub(super) fn new(body: Body, busy: Busy, version: Version) -> Self {
        let unframed = version < Version::HTTP_11 && body.size_hint().exact().is_none();
        Self { body, busy, unframed }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if self.unframed && matches!(frame, Some(Err(_))) {
            self.busy.0.broken.store(true, Relaxed);
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

/// The connection's stream. It is counted as long as it is open, also after an upgrade.
pub(super) struct Io {
    stream: Stream,
    /// What was read to find out the protocol.
    prefix: Bytes,
    activity: Arc<Activity>,
    /// HTTP/2 has frames that belong to no request, so reading says nothing there.
    notes_heads: bool,
    _counted: Counted,
}

impl Io {
    pub(super) fn new(
        stream: Stream,
        prefix: Bytes,
        activity: &Arc<Activity>,
        http2: bool,
        counted: Counted,
    ) -> Self {
        let activity = activity.clone();
        Self { stream, prefix, activity, notes_heads: !http2, _counted: counted }
    }
}

impl Drop for Io {
    /// Half a body is not to be taken for a whole one: where only the end of the connection could
    /// say so, that is a reset.
    fn drop(&mut self) {
        if self.activity.broken.load(Relaxed) {
            self.stream.reset_when_closed();
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.prefix.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            let length = self.prefix.len().min(buf.remaining());
            buf.put_slice(&self.prefix[..length]);
            self.prefix.advance(length);
        }
        if self.notes_heads && buf.filled().len() > before {
            self.activity.read_some();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.activity.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.activity.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.activity.wrote(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
