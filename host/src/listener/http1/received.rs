//! The body of a request on its way from the connection's task to whoever reads it, in that task or in
//! another one.

use std::{
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::head::Framing;
use crate::body::BodyError;

/// The end that is read.
pub(super) struct Received {
    pipe: Pipe,
    /// What is left of a length that was announced.
    left: Option<u64>,
}

/// The end that is written, by the connection.
pub(super) struct Sender(Pipe);

type Pipe = Arc<Mutex<Shared>>;

#[derive(Default)]
struct Shared {
    frame: Option<Result<Frame<Bytes>, BodyError>>,
    /// Nothing comes behind that.
    is_over: bool,
    /// The reader waits for something, and has not been given it.
    is_wanted: bool,
    /// Nobody reads.
    is_given_up: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// A body of this length.
pub(super) fn pipe(framing: Framing) -> (Sender, Received) {
    let pipe = Pipe::default();
    let left = match framing {
        Framing::Length(length) => Some(length),
        Framing::Chunked => None,
    };
    (Sender(pipe.clone()), Received { pipe, left })
}

fn lock(pipe: &Pipe) -> MutexGuard<'_, Shared> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sender {
    /// Ready when there is room for a frame; false if nobody reads any more. Until there is more to give, this
    /// task is woken when either changes, and when the reader waits.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut shared = lock(&self.0);
        match &mut shared.writer {
            Some(writer) => writer.clone_from(cx.waker()),
            writer => *writer = Some(cx.waker().clone()),
        }
        match shared.is_given_up || shared.frame.is_none() {
            true => Poll::Ready(!shared.is_given_up),
            false => Poll::Pending,
        }
    }

    /// Whether the reader waits for more.
    pub(super) fn is_wanted(&self) -> bool {
        lock(&self.0).is_wanted
    }

    /// Whether nobody reads any more.
    pub(super) fn is_given_up(&self) -> bool {
        lock(&self.0).is_given_up
    }

    /// Gives a frame, for which there is room.
    pub(super) fn put(&self, frame: Result<Frame<Bytes>, BodyError>, is_last: bool) {
        let mut shared = lock(&self.0);
        (shared.is_wanted, shared.is_over) = (false, is_last);
        shared.frame = Some(frame);
        wake(shared, |shared| &mut shared.reader);
    }

    /// There is nothing more.
    pub(super) fn end(&self) {
        let mut shared = lock(&self.0);
        shared.is_over = true;
        wake(shared, |shared| &mut shared.reader);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut shared = lock(&self.0);
        if !shared.is_over {
            shared.is_over = true;
            // What is there was not the end, and is not to be read as if it were.
            let why = "the client's connection ended before it".to_owned();
            shared.frame = Some(Err(BodyError::Aborted(why)));
            wake(shared, |shared| &mut shared.reader);
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let mut shared = lock(&self.pipe);
        shared.is_given_up = true;
        shared.frame = None;
        wake(shared, |shared| &mut shared.writer);
    }
}

/// Wakes one side, without the lock.
fn wake(mut shared: MutexGuard<'_, Shared>, side: fn(&mut Shared) -> &mut Option<Waker>) {
    let waker = mem::take(side(&mut shared));
    drop(shared);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut shared = lock(&self.pipe);
        match shared.frame.take() {
            Some(frame) => {
                wake(shared, |shared| &mut shared.writer);
                let length = frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
                self.left = self.left.map(|left| left.saturating_sub(length as u64));
                Poll::Ready(Some(frame))
            }
            None if shared.is_over => Poll::Ready(None),
            None => {
                shared.reader = Some(cx.waker().clone());
                // The first time it is what the client may be waiting for.
                if !mem::replace(&mut shared.is_wanted, true) {
                    wake(shared, |shared| &mut shared.writer);
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let shared = lock(&self.pipe);
        shared.is_over && shared.frame.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
