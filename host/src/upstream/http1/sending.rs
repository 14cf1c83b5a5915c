//! A request on its way out.

use std::{
    io, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tokio::io::AsyncWrite;

use super::request::{Framing, encode};
use crate::{
    body::Body,
    heads::Request,
    http1::{Outbox, chunk, end_of_chunks, give_back},
};

/// One request, from its first byte to its last.
#[derive(Default)]
pub(super) struct Sending {
    /// As it was given, but for what was taken of its body.
    request: Option<Request<Body>>,
    /// Its body stays with it.
    is_whole: bool,
    framing: Framing,
    outbox: Outbox,
    /// Bytes that the network took.
    written: u64,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is more of the body.
    Body,
    /// All of it is in the outbox.
    Flush,
    #[default]
    Done,
}

/// Why a request was not sent to its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The service's side, or the way there.
    Connection(io::Error),
    /// Its body: whoever watches that knows more.
    Body(String),
}

impl Sending {
    /// Begins with another request. Says whether the connection ends with it.
    pub(super) fn begin(&mut self, request: Request<Body>) -> bool {
        let encoded = encode(&request, self.outbox.short());
        (self.framing, self.written, self.state) = (encoded.framing, 0, State::Body);
        // What is there goes with the head.
        if let Body::Full(bytes) = &request.body {
            self.outbox.piece(bytes.clone(), b"");
        }
        self.is_whole = matches!(&request.body, Body::Empty | Body::Full(_));
        if self.is_whole {
            self.state = State::Flush;
        }
        self.request = Some(request);
        encoded.closes
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The request, if it can be sent again, and whether nothing of it was sent.
    pub(super) fn give_back(&mut self) -> Option<(Request<Body>, bool)> {
        // Nothing is taken of a body that counts before its head is written.
        let is_unsent = self.written == 0;
        let request = self.request.take().filter(|_| self.is_whole || is_unsent)?;
        Some((request, is_unsent))
    }

    /// Nobody will ask for the request any more.
    pub(super) fn forget(&mut self) {
        if let Some(mut request) = self.request.take() {
            give_back(mem::take(&mut request.head.headers));
        }
    }

    /// Ready when all of it is sent.
    pub(super) fn poll(
        &mut self,
        io: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        while self.state != State::Done {
            if !self.is_held_back() {
                let wrote = self.outbox.poll_write(&mut *io, &mut self.written, cx);
                ready!(wrote).map_err(Broken::Connection)?;
            }
            if self.state == State::Flush {
                ready!(Pin::new(&mut *io).poll_flush(cx)).map_err(Broken::Connection)?;
                self.state = State::Done;
                break;
            }
            let Some(request) = &mut self.request else { break };
            let Poll::Ready(frame) = Pin::new(&mut request.body).poll_frame(cx) else {
                // Until there is more: TLS may hold back some of what it took.
                return match Pin::new(&mut *io).poll_flush(cx) {
                    Poll::Ready(Err(why)) => Poll::Ready(Err(Broken::Connection(why))),
                    _ => Poll::Pending,
                };
            };
            let frame = frame.transpose().map_err(|why| Broken::Body(why.to_string()))?;
            self.put(frame)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether what waits would make the message whole before its body has ended. Over HTTP/2 more
    /// may come than was announced, and a message of which that is so must not be passed on (RFC
    /// 9113, 8.1.1): without what makes it whole, the service drops it as well.
    fn is_held_back(&self) -> bool {
        self.state == State::Body && matches!(self.framing, Framing::Length(0))
    }

    /// Puts a frame of the body, or its end, into the outbox.
    fn put(&mut self, frame: Option<Frame<Bytes>>) -> Result<(), Broken> {
        let Some(request) = &mut self.request else { return Ok(()) };
        let is_last = frame.is_none() || request.body.is_end_stream();
        let frame = frame.map(Frame::into_data);
        match (&mut self.framing, frame) {
            (Framing::Chunked, Some(Ok(data))) if data.is_empty() && !is_last => return Ok(()),
            (Framing::Chunked, Some(Ok(data))) if !data.is_empty() => {
                chunk(data, is_last, &mut self.outbox);
            }
            (Framing::Chunked, other) => {
                let trailers =
                    other.and_then(Result::err).and_then(|frame| frame.into_trailers().ok());
                let announced = &request.head.headers;
                end_of_chunks(announced, trailers.as_ref(), self.outbox.short());
                self.finish();
                return Ok(());
            }
            (Framing::Length(left), Some(Ok(data))) => {
                let rest = left.checked_sub(data.len() as u64);
                *left = rest.ok_or_else(|| Broken::Body("it is longer than it says".to_owned()))?;
                let is_whole = is_last && *left == 0;
                if !data.is_empty() {
                    self.outbox.piece(data, b"");
                }
                if is_whole {
                    self.finish();
                }
                return Ok(());
            }
            (Framing::Length(0), _) => {}
            // Trailers have no place here.
            (Framing::Length(_), Some(Err(_))) => return Ok(()),
            (Framing::Length(_), None) => {
                return Err(Broken::Body("it is shorter than it says".to_owned()));
            }
        }
        if is_last {
            self.finish();
        }
        Ok(())
    }

    /// All of the body is taken: whoever gives it is let go.
    fn finish(&mut self) {
        self.state = State::Flush;
        if let Some(request) = &mut self.request {
            request.body = Body::Empty;
        }
    }
}
