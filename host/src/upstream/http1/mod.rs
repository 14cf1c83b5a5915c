//! HTTP/1.1 to a service: a connection that carries one exchange after the other (RFC 9112).
//!
//! Whoever sends a request drives the connection, in its own task. hyper's client, which was here
//! before and which still speaks HTTP/2, has a task for each connection: a request goes there through
//! one channel and its response comes back through another, so that each exchange wakes three
//! tasks instead of one.

mod error;
mod request;
mod response;
mod sending;

use std::{
    future::poll_fn,
    io, mem,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Method;
use http_body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, ReadBuf, ReadHalf, WriteHalf},
    task::{JoinHandle, unconstrained},
};

pub(super) use self::error::Error;
use self::{
    response::Framing,
    sending::{Broken, Sending},
};
use crate::{
    body::Body,
    heads::{Request, ResponseHead},
    http1::{Chunks, Found, Inbox},
    tls::Stream,
};

/// A request without a response.
pub(super) struct Unanswered {
    pub(super) why: Error,
    /// The request, if its body is whole.
    pub(super) request: Option<Request<Body>>,
    /// The service has seen nothing of it.
    pub(super) is_unsent: bool,
}

/// A connection and the exchange that is on it.
pub(super) struct Connection {
    io: Io,
    sending: Sending,
    receiving: Receiving,
    /// Of the request.
    method: Method,
    /// The connection ends with this exchange.
    closes: bool,
    inbox: Inbox,
}

/// Which halves are here.
enum Io {
    Both(Stream),
    /// The response came before the request was sent to its end: that goes on in a task of its own,
    /// which gives its half back.
    Reading(ReadHalf<Stream>, JoinHandle<Option<WriteHalf<Stream>>>),
    /// Taken.
    None,
}

enum Receiving {
    Head,
    Length(u64),
    Chunks(Chunks),
    /// Until the connection ends.
    Rest,
    Done,
}

impl Receiving {
    fn poll_read(
        &self,
        inbox: &mut Inbox,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Head => inbox.poll_short(io, cx),
            Self::Length(left) => inbox.poll_long(Some(*left), io, cx),
            Self::Chunks(_) | Self::Rest | Self::Done => inbox.poll_long(None, io, cx),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.say_goodbye();
    }
}

impl Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            io: Io::Both(stream),
            sending: Sending::default(),
            receiving: Receiving::Done,
            method: Method::GET,
            closes: false,
            inbox: Inbox::default(),
        }
    }

    /// Begins an exchange. The request is origin-form and for HTTP/1.1; nothing is written before
    /// the response is waited for.
    pub(super) fn begin(&mut self, request: Request<Body>) {
        self.method = request.head.method.clone();
        self.closes = self.sending.begin(request);
        self.receiving = Receiving::Head;
    }

    /// Sends the request, and is ready with the head of its response.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Unanswered>> {
        let broken = match self.poll_send(cx) {
            Poll::Ready(Err(Broken::Body(why))) => {
                // Its body is lost: it is nothing to be sent again, however little of it was sent.
                self.sending.forget();
                return self.unanswered(Error::Request(why));
            }
            Poll::Ready(Err(Broken::Connection(why))) => Some(why),
            _ => None,
        };
        loop {
            match response::take(&mut self.inbox, &self.method) {
                Ok(None) => {}
                Ok(Some(head)) => return Poll::Ready(Ok(self.answered(head))),
                Err(why) => {
                    let why = Error::of(why, self.inbox.bytes());
                    return self.unanswered(why);
                }
            }
            // A service may answer and close without reading all of the request.
            match self.poll_read(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0)) => {
                    let is_first = self.inbox.is_empty();
                    let why = if is_first { Error::Closed } else { Error::Incomplete };
                    return self.unanswered(broken.map_or(why, Error::Io));
                }
                Poll::Ready(Err(why)) => return self.unanswered(Error::Io(broken.unwrap_or(why))),
                // Also where the request could not be written on: the answer, or the end of the connection, is
                // on its way to whoever waits for it. (One in seven answers of a service that refused an upload
                // and closed was lost here.)
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The next frame of the response's body.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(self.poll_piece(cx));
        if frame.is_err() {
            // There is more of the body, and nobody will see it.
            self.say_goodbye();
            self.io = Io::None;
            self.inbox = Inbox::default();
        }
        Poll::Ready(frame.transpose())
    }

    /// Whether there is no more of the body.
    pub(super) fn is_end_stream(&self) -> bool {
        matches!(self.receiving, Receiving::Done)
    }

    /// What is left of the body.
    pub(super) fn size_hint(&self) -> SizeHint {
        match self.receiving {
            Receiving::Length(left) => SizeHint::with_exact(left),
            Receiving::Done => SizeHint::with_exact(0),
            Receiving::Head | Receiving::Chunks(_) | Receiving::Rest => SizeHint::default(),
        }
    }

    /// Whether another exchange may follow: this one is complete on both sides, and neither
    /// wants to close.
    pub(super) fn is_free(&mut self) -> bool {
        if let Io::Reading(..) = self.io {
            self.join();
        }
        self.inbox.rest();
        let is_complete = self.is_end_stream() && self.sending.is_done();
        is_complete && !self.closes && self.inbox.is_empty() && matches!(self.io, Io::Both(_))
    }

    /// Between exchanges: ready when the connection is of no more use, because the service closed
    /// it or said something that nobody asked for.
    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Io::Both(stream) = &mut self.io else { return Poll::Ready(()) };
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        // Whatever the task has done in this turn: "not yet" would be taken for "open", and a task that
        // looks at many connections would never come to rest.
        let read = unconstrained(poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut byte)));
        pin!(read).poll(cx).map(drop)
    }

    /// The stream, which speaks another protocol from now on, and what was read of that.
    pub(super) fn switch(&mut self) -> Option<(Stream, Bytes)> {
        self.join();
        match mem::replace(&mut self.io, Io::None) {
            Io::Both(stream) => Some((stream, self.inbox.take_all())),
            Io::Reading(..) | Io::None => None,
        }
    }

    /// Ends the exchange and the connection at once, the request's body with them.
    pub(super) fn abort(&mut self) {
        self.say_goodbye();
        if let Io::Reading(_, rest) = &self.io {
            rest.abort();
        }
        (self.io, self.sending, self.receiving) = (Io::None, Sending::default(), Receiving::Done);
    }

    /// A request that was not sent to its end must not look as if it was.
    fn say_goodbye(&mut self) {
        if let Io::Both(stream) = &mut self.io
            && self.sending.is_done()
        {
            stream.say_goodbye();
        }
    }

    fn answered(&mut self, head: response::Head) -> ResponseHead {
        self.closes |= head.closes;
        self.receiving = match head.framing {
            Framing::Length(0) => Receiving::Done,
            Framing::Length(length) => Receiving::Length(length),
            Framing::Chunked => Receiving::Chunks(Chunks::default()),
            Framing::Close => Receiving::Rest,
        };
        if self.sending.is_done() {
            self.sending.forget();
        } else {
            self.part();
        }
        head.parts
    }

    /// Lets the request be sent to its end while the response is read: whoever reads that may be
    /// slow, or wait for the request's end.
    fn part(&mut self) {
        let Io::Both(stream) = mem::replace(&mut self.io, Io::None) else { return };
        let (read, mut write) = tokio::io::split(stream);
        let mut sending = mem::take(&mut self.sending);
        let rest = tokio::spawn(async move {
            let sent = poll_fn(|cx| sending.poll(&mut write, cx)).await;
            sent.is_ok().then_some(write)
        });
        self.io = Io::Reading(read, rest);
    }

    /// Takes back the half that is written to, if the request was sent to its end.
    fn join(&mut self) {
        self.io = match mem::replace(&mut self.io, Io::None) {
            Io::Reading(read, rest) if rest.is_finished() => {
                match futures_util::FutureExt::now_or_never(rest) {
                    Some(Ok(Some(write))) => Io::Both(read.unsplit(write)),
                    _ => Io::None,
                }
            }
            other => other,
        };
    }

    fn unanswered<T>(&mut self, why: Error) -> Poll<Result<T, Unanswered>> {
        let (request, is_unsent) = match self.sending.give_back() {
            Some((request, is_unsent)) => (Some(request), is_unsent),
            None => (None, false),
        };
        Poll::Ready(Err(Unanswered { why, request, is_unsent }))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match &mut self.io {
            Io::Both(stream) => self.sending.poll(stream, cx),
            Io::Reading(..) | Io::None => Poll::Ready(Ok(())),
        }
    }

    /// Reads more. Zero is the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Both(stream) => self.receiving.poll_read(&mut self.inbox, stream, cx),
            Io::Reading(half, _) => self.receiving.poll_read(&mut self.inbox, half, cx),
            Io::None => Poll::Ready(Ok(0)),
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Error>> {
        loop {
            let is_empty = self.inbox.is_empty();
            match &mut self.receiving {
                Receiving::Head | Receiving::Done => return Poll::Ready(Ok(None)),
                Receiving::Length(left) if !is_empty => {
                    let piece = self.inbox.take(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= piece.len() as u64;
                    if *left == 0 {
                        self.receiving = Receiving::Done;
                    }
                    return Poll::Ready(Ok(Some(Frame::data(piece))));
                }
                Receiving::Rest if !is_empty => {
                    return Poll::Ready(Ok(Some(Frame::data(self.inbox.take_all()))));
                }
                Receiving::Chunks(chunks) => match chunks.take(self.inbox.bytes())? {
                    Found::More => {}
                    Found::Data(piece) => return Poll::Ready(Ok(Some(Frame::data(piece)))),
                    Found::End(trailers) => {
                        self.receiving = Receiving::Done;
                        return Poll::Ready(Ok(trailers.map(Frame::trailers)));
                    }
                },
                Receiving::Length(_) | Receiving::Rest => {}
            }
            if ready!(self.poll_read(cx)).map_err(Error::Io)? > 0 {
                continue;
            }
            if !matches!(self.receiving, Receiving::Rest) {
                return Poll::Ready(Err(Error::Incomplete));
            }
            self.receiving = Receiving::Done;
        }
    }
}
