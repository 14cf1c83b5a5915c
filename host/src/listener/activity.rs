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
use http_body::Body as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Counted;
use crate::{
    body::{Body, Tap, Tapped},
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
    /// Those bytes begin with a target that has a fragment.
    fragment: AtomicBool,
    /// The client does not take what we write.
    blocked: AtomicBool,
    writes: AtomicU64,
    /// No request is to follow those that have begun.
    last: AtomicBool,
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
        } else if self.is_answering() {
            Doing::Busy
        } else if self.head.load(Relaxed) {
            Doing::Head(ended)
        } else {
            Doing::Idle(ended)
        }
    }

    pub(super) fn is_answering(&self) -> bool {
        self.begun.load(Relaxed) != self.ended.load(Relaxed)
    }

    /// A request's head is complete; it is being answered until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.head.store(false, Relaxed);
        self.begun.fetch_add(1, Relaxed);
        Busy(self.clone())
    }

    /// Whether the target of the request that begins had a fragment.
    pub(super) fn take_fragment(&self) -> bool {
        self.fragment.load(Relaxed) && self.fragment.swap(false, Relaxed)
    }

    /// The next answer is to be the last one.
    pub(super) fn end(&self) {
        self.last.store(true, Relaxed);
    }

    fn read_some(&self, bytes: &[u8]) {
        if !self.is_answering() && !self.head.load(Relaxed) {
            self.head.store(true, Relaxed);
            self.fragment.store(has_fragment(bytes), Relaxed);
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

impl Busy {
    /// Whether its answer is to be the connection's last one.
    pub(super) fn is_last(&self) -> bool {
        self.0.last.load(Relaxed)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Relaxed);
    }
}

/// Keeps a connection busy as long as its response's body is there.
pub(super) struct Answering {
    busy: Busy,
    /// Nothing but the connection's end tells the client where the body ends.
    unframed: bool,
}

/// The body of an answer to a request of this version. HTTP/1.0 has no chunks (RFC 9112, 6.3).
pub(super) fn answer(body: Body, busy: Busy, version: Version) -> Tapped<Answering> {
    let unframed = version < Version::HTTP_11 && body.size_hint().exact().is_none();
    Tapped::new(body, Answering { busy, unframed })
}

impl Tap for Answering {
    fn broken(&mut self) {
        if self.unframed {
            self.busy.0.broken.store(true, Relaxed);
        }
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
            if self.prefix.is_empty() {
                // Its buffer goes with it: most connections are idle most of the time.
                self.prefix = Bytes::new();
            }
        }
        if self.notes_heads && buf.filled().len() > before {
            self.activity.read_some(&buf.filled()[before..]);
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

/// Whether a request line's target has a fragment, which is none (RFC 9112, 3.2). hyper's URIs have
/// lost it without a word, so the bytes are looked at as they come. A line that comes in pieces, or
/// behind another request, is not noticed: it is served without its fragment, as routes match it.
fn has_fragment(bytes: &[u8]) -> bool {
    if !bytes.contains(&b'#') {
        return false;
    }
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let target = line.strip_suffix(b" HTTP/1.1").or_else(|| line.strip_suffix(b" HTTP/1.0"));
    target.is_some_and(|target| target.contains(&b'#'))
}

#[cfg(test)]
mod tests {
    use super::has_fragment;

    #[test]
    fn only_a_targets_number_sign_is_a_fragment() {
        for line in ["GET /a#b HTTP/1.1\r\nHost: a", "GET /a?b#c HTTP/1.0\n\n", "GET /# HTTP/1.1\r"]
        {
            assert!(has_fragment(line.as_bytes()), "{line}");
        }
        for other in [
            "GET /a HTTP/1.1\r\nReferer: /a#b\r\n\r\n",
            "Referer: /a#b\r\n\r\n",
            "POST / HTTP/1.1\r\n\r\nGET /a#b HTTP/1.1\r\n\r\n",
            "GET /a#b",
            "",
        ] {
            assert!(!has_fragment(other.as_bytes()), "{other}");
        }
    }
}
