//! A response on its way out.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Version, header};
use http_body::{Body as _, Frame};
use hyper::ext::ReasonPhrase;
use tokio::io::AsyncWrite;
use tracing::debug;

use super::{date, head::Head};
use crate::{
    body::Body,
    fields::{Fields, has_member},
    heads::{Response, ResponseHead},
    http1::{Outbox, chunk, content_length, digits, end_of_chunks, field, give_back},
};

/// What the answer to a request depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) version: Version,
    pub(super) is_head: bool,
    pub(super) takes_trailers: bool,
    /// Another request may follow.
    pub(super) is_kept: bool,
}

impl Asked {
    pub(super) fn by(head: &Head) -> Self {
        Self {
            version: head.parts.version,
            is_head: head.parts.method == Method::HEAD,
            takes_trailers: head.takes_trailers,
            is_kept: head.is_kept,
        }
    }

    /// By what is no request.
    pub(super) fn nothing() -> Self {
        let version = Version::HTTP_11;
        Self { version, is_head: false, takes_trailers: false, is_kept: false }
    }
}

/// One response, from its first byte to its last.
pub(super) struct Reply {
    body: Body,
    framing: Framing,
    /// The head, where trailers may follow, which it announced.
    announced: Fields,
    state: State,
    /// Another request may follow.
    pub(super) is_kept: bool,
    /// The client does not take what is written.
    pub(super) is_blocked: bool,
}

/// How the body of a response is delimited (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// There is none, whatever the fields say of one.
    None,
    /// So many bytes are left of it.
    Length(u64),
    Chunked,
    /// By the end of the connection.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is more of the body.
    Body,
    /// All of it is in the outbox.
    Whole,
    /// The body broke off.
    Broken,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Whole,
    /// A part of it, of which the client can tell that it is none.
    Broken,
    /// A part of it, which only a reset keeps from being taken for the whole.
    Cut,
}

impl Reply {
    /// Puts the head into the outbox.
    pub(super) fn begin(response: Response<Body>, asked: Asked, outbox: &mut Outbox) -> Self {
        let (parts, body) = response.into_parts();
        let framing = Framing::of(&parts, &body, asked);
        let closes = parts.headers.get_all(header::CONNECTION).any(|v| has_member(v, "close"));
        let is_kept = asked.is_kept && !closes && framing != Framing::Close;
        encode(&parts, framing, Says { asked, is_kept, closes, body: &body }, outbox.short());
        let may_trail = framing == Framing::Chunked
            && asked.takes_trailers
            && parts.headers.contains(header::TRAILER);
        let mut announced = Fields::new();
        match may_trail {
            true => announced = parts.headers,
            false => give_back(parts.headers),
        }
        let (state, body) = match framing {
            Framing::None | Framing::Length(0) => (State::Whole, Body::Empty),
            _ => (State::Body, body),
        };
        Self { body, framing, announced, state, is_kept, is_blocked: false }
    }

    /// Ready when all of it is sent, as far as it goes. How much was is added to `count`.
    pub(super) fn poll(
        &mut self,
        outbox: &mut Outbox,
        io: &mut (impl AsyncWrite + Unpin),
        count: &mut u64,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Sent>> {
        loop {
            // Short pieces go together, and with the head.
            let mut waits = false;
            while self.state == State::Body && outbox.has_room() {
                let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                    waits = true;
                    break;
                };
                self.put(frame.transpose(), outbox);
            }
            self.is_blocked = true;
            ready!(outbox.poll_write(&mut *io, count, cx))?;
            if waits {
                self.is_blocked = Pin::new(&mut *io).poll_flush(cx)?.is_pending();
                return Poll::Pending;
            }
            if self.state != State::Body {
                ready!(Pin::new(&mut *io).poll_flush(cx))?;
                return Poll::Ready(Ok(self.sent()));
            }
        }
    }

    /// Whether only the connection's end says where the body ends.
    pub(super) fn is_unframed(&self) -> bool {
        self.framing == Framing::Close
    }

    fn sent(&self) -> Sent {
        match (self.state, self.framing) {
            (State::Broken, Framing::Close) => Sent::Cut,
            (State::Broken, _) => Sent::Broken,
            _ => Sent::Whole,
        }
    }

    /// Puts a frame of the body, or its end, into the outbox.
    fn put(
        &mut self,
        frame: Result<Option<Frame<Bytes>>, impl std::fmt::Display>,
        outbox: &mut Outbox,
    ) {
        let frame = match frame {
            Ok(frame) => frame.map(Frame::into_data),
            Err(why) => return self.break_off(&why),
        };
        let is_last = frame.is_none() || self.body.is_end_stream();
        match (&mut self.framing, frame) {
            (_, Some(Ok(piece))) if piece.is_empty() && !is_last => return,
            (Framing::Chunked, Some(Ok(piece))) if !piece.is_empty() => {
                chunk(piece, is_last, outbox);
            }
            (Framing::Chunked, other) => {
                let trailers = other.and_then(Result::err);
                let trailers = trailers.and_then(|frame| frame.into_trailers().ok());
                end_of_chunks(&self.announced, trailers.as_ref(), outbox.short());
                return self.end();
            }
            (Framing::Length(left), Some(Ok(piece))) => {
                match left.checked_sub(piece.len() as u64) {
                    Some(rest) => {
                        *left = rest;
                        outbox.piece(piece, b"");
                        if rest == 0 {
                            return self.end();
                        }
                        if is_last {
                            return self.break_off(&"it is shorter than it says");
                        }
                    }
                    None => return self.break_off(&"it is longer than it says"),
                }
            }
            // Trailers have no place here.
            (Framing::Length(left), _) if *left > 0 => {
                return self.break_off(&"it is shorter than it says");
            }
            (Framing::Close, Some(Ok(piece))) => outbox.piece(piece, b""),
            (Framing::Close | Framing::Length(_) | Framing::None, _) => {}
        }
        if is_last {
            self.end();
        }
    }

    /// All of the body is taken: whoever gives it is let go.
    fn end(&mut self) {
        (self.state, self.body) = (State::Whole, Body::Empty);
    }

    fn break_off(&mut self, why: &dyn std::fmt::Display) {
        debug!(%why, "the body of a response broke off");
        (self.state, self.body) = (State::Broken, Body::Empty);
    }
}

impl Framing {
    /// The body itself decides, whatever the fields say of it; they count where it does not know.
    fn of(parts: &ResponseHead, body: &Body, asked: Asked) -> Self {
        let has_none = parts.status.is_informational()
            || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || asked.is_head;
        let said = || digits(parts.headers.get(header::CONTENT_LENGTH)?.as_bytes());
        match body.size_hint().exact() {
            _ if has_none => Self::None,
            Some(length) => Self::Length(length),
            None => match said() {
                Some(length) => Self::Length(length),
                // RFC 9112, 6.1: chunks are nothing for whoever speaks 1.0.
                None if asked.version == Version::HTTP_11 => Self::Chunked,
                None => Self::Close,
            },
        }
    }
}

/// What a head says beside what it was given.
struct Says<'a> {
    asked: Asked,
    is_kept: bool,
    /// It was told so already.
    closes: bool,
    body: &'a Body,
}

fn encode(parts: &ResponseHead, framing: Framing, says: Says<'_>, out: &mut Vec<u8>) {
    status_line(parts, says.asked.version, out);
    let (mut length, mut has_date) = (None, false);
    for (name, value) in &parts.headers {
        match *name {
            header::CONTENT_LENGTH => {
                length = length.or(Some(value));
                continue;
            }
            header::TRANSFER_ENCODING => continue,
            header::TRAILER if framing != Framing::Chunked => continue,
            header::DATE => has_date = true,
            _ => {}
        }
        field(name, value, out);
    }
    match framing {
        Framing::None => unsent_length(parts.status, length, says.body, out),
        Framing::Length(length) => content_length(length, out),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Close => {}
    }
    if !has_date {
        // RFC 9110, 6.6.1: whoever receives a response without one adds it.
        out.extend_from_slice(b"date: ");
        date::write(out);
        out.extend_from_slice(b"\r\n");
    }
    match (says.is_kept, says.asked.version) {
        (true, Version::HTTP_10) => out.extend_from_slice(b"connection: keep-alive\r\n"),
        (false, Version::HTTP_11)
            if !says.closes && parts.status != StatusCode::SWITCHING_PROTOCOLS =>
        {
            out.extend_from_slice(b"connection: close\r\n");
        }
        _ => {}
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(parts: &ResponseHead, version: Version, out: &mut Vec<u8>) {
    let reason = parts.extensions.get::<ReasonPhrase>();
    if parts.status == StatusCode::OK && reason.is_none() && version == Version::HTTP_11 {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(match version {
        Version::HTTP_10 => b"HTTP/1.0 ",
        _ => b"HTTP/1.1 ",
    });
    out.extend_from_slice(parts.status.as_str().as_bytes());
    out.push(b' ');
    // RFC 9112, 4: it may be empty, and the space before it is there all the same.
    let usual = || parts.status.canonical_reason().unwrap_or_default().as_bytes();
    out.extend_from_slice(reason.map_or_else(usual, ReasonPhrase::as_bytes));
    out.extend_from_slice(b"\r\n");
}

/// The length of a body that is not sent: GET would have it (RFC 9110, 8.6).
fn unsent_length(status: StatusCode, said: Option<&HeaderValue>, body: &Body, out: &mut Vec<u8>) {
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        return;
    }
    match (said, body) {
        (Some(length), _) => field(&header::CONTENT_LENGTH, length, out),
        (None, Body::Full(body)) => content_length(body.len() as u64, out),
        (None, _) => {}
    }
}
