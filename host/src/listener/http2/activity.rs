//! What a connection is doing, noted as it happens and looked at by the task that times it. Noting is a store,
//! and the clock is asked once for each request.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::{drive::Doing, io::Io};
use crate::body::{Body, Tap, Tapped};

/// One connection's notes. They are written and read on one thread; the atomics only make it
/// `Sync`, and are never fought over.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests that have begun, and whose response has ended.
    begun: AtomicU64,
    ended: AtomicU64,
    /// The client does not take what we write.
    blocked: AtomicBool,
    writes: AtomicU64,
}

impl Activity {
    pub(super) fn doing(&self) -> Doing {
        let ended = self.ended.load(Relaxed);
        if self.blocked.load(Relaxed) {
            Doing::Blocked(self.writes.load(Relaxed))
        } else if self.is_answering() {
            Doing::Busy
        } else {
            Doing::Idle(ended)
        }
    }

    pub(super) fn is_answering(&self) -> bool {
        self.begun.load(Relaxed) != self.ended.load(Relaxed)
    }

    /// A request's head is complete; it is being answered until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.begun.fetch_add(1, Relaxed);
        Busy(self.clone())
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

/// Keeps a connection busy as long as its response's body is there.
pub(super) struct Answering(#[expect(dead_code, reason = "it is there to be dropped")] Busy);

/// The body of an answer.
pub(super) fn answer(body: Body, busy: Busy) -> Tapped<Answering> {
    Tapped::new(body, Answering(busy))
}

impl Tap for Answering {}

/// A connection's bytes, and a note of whether the client takes them.
pub(super) struct Noted {
    io: Io,
    activity: Arc<Activity>,
}

impl Noted {
    pub(super) fn new(io: Io, activity: &Arc<Activity>) -> Self {
        Self { io, activity: activity.clone() }
    }
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.activity.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.activity.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.activity.wrote(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
