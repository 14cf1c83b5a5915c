//! The body of a request as it comes in.

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Frame;
use tokio::io::AsyncRead;

use super::{
    head::Framing,
    received::{Received, Sender, pipe},
};
use crate::{
    body::{Body, BodyError},
    http1::{Chunks, Fault, Found, Inbox},
};

/// How much of a body that nobody reads is read all the same, for the connection to go on.
pub(super) const MOST_SKIPPED: u64 = 64 << 10;

/// A body that has not come to its end.
pub(super) struct Upload {
    sender: Sender,
    left: Left,
    /// The client waits for a word before it sends anything.
    pub(super) owes_word: bool,
    skipped: u64,
    /// Bytes of the body that were read.
    pub(super) read: u64,
}

enum Left {
    Bytes(u64),
    Chunks(Chunks),
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// All of it is with its reader.
    Whole,
    /// Nobody reads it any more.
    Unread,
    /// The client has ended the connection before it came to its end.
    Broken,
    /// What comes is none.
    Malformed,
}

/// The body that a request begins with. What is there already is not waited for.
pub(super) fn begin(
    framing: Framing,
    expects_word: bool,
    inbox: &mut Inbox,
) -> (Body, Option<Upload>) {
    let left = match framing {
        Framing::Length(0) => return (Body::Empty, None),
        Framing::Length(length) if length <= inbox.len() as u64 => {
            return (Body::Full(inbox.take(usize::try_from(length).unwrap_or(usize::MAX))), None);
        }
        Framing::Length(length) => Left::Bytes(length),
        Framing::Chunked => Left::Chunks(Chunks::default()),
    };
    let (sender, received): (_, Received) = pipe(framing);
    let owes_word = expects_word && inbox.is_empty();
    (Body::boxed(received), Some(Upload { sender, left, owes_word, skipped: 0, read: 0 }))
}

impl Upload {
    /// Moves what comes to whoever reads it. Says with `say_word` what the client waits for, if it is
    /// not too late for that.
    pub(super) fn poll(
        &mut self,
        inbox: &mut Inbox,
        io: &mut (impl AsyncRead + Unpin),
        mut say_word: impl FnMut() -> bool,
        cx: &mut Context<'_>,
    ) -> Poll<Moved> {
        loop {
            if !ready!(self.sender.poll_room(cx)) {
                return Poll::Ready(Moved::Unread);
            }
            match self.left.next(inbox) {
                Ok(Next::Data(piece)) => {
                    let is_last = matches!(self.left, Left::Bytes(0));
                    self.sender.put(Ok(Frame::data(piece)), is_last);
                    if is_last {
                        return Poll::Ready(Moved::Whole);
                    }
                    continue;
                }
                Ok(Next::End(trailers)) => {
                    match trailers {
                        Some(trailers) => self.sender.put(Ok(Frame::trailers(trailers)), true),
                        None => self.sender.end(),
                    }
                    return Poll::Ready(Moved::Whole);
                }
                Ok(Next::More) => {}
                Err(fault) => {
                    self.sender.put(Err(BodyError::Aborted(fault.to_string())), true);
                    return Poll::Ready(Moved::Malformed);
                }
            }
            if self.owes_word && self.sender.is_wanted() {
                self.owes_word = !say_word();
            }
            match ready!(self.left.poll_read(inbox, io, cx)) {
                Ok(0) | Err(_) => return Poll::Ready(Moved::Broken),
                Ok(length) => self.read += length as u64,
            }
            self.owes_word = false;
        }
    }

    /// Whether nobody reads it any more.
    pub(super) fn is_unread(&self) -> bool {
        self.sender.is_given_up()
    }

    /// Whether so much of it is to come that it is not read for nothing.
    pub(super) fn is_long(&self) -> bool {
        matches!(self.left, Left::Bytes(left) if left > MOST_SKIPPED)
    }

    /// Reads what nobody wants. Ready with whether it has come to its end before that was too much.
    pub(super) fn poll_skip(
        &mut self,
        inbox: &mut Inbox,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        while !self.is_long() && self.skipped <= MOST_SKIPPED {
            match self.left.next(inbox) {
                Ok(Next::Data(piece)) => self.skipped += piece.len() as u64,
                Ok(Next::End(_)) => return Poll::Ready(true),
                Ok(Next::More) => {
                    if !matches!(ready!(self.left.poll_read(inbox, io, cx)), Ok(1..)) {
                        return Poll::Ready(false);
                    }
                }
                Err(_) => return Poll::Ready(false),
            }
        }
        Poll::Ready(false)
    }
}

/// What comes next of a body.
enum Next {
    Data(Bytes),
    End(Option<http::HeaderMap>),
    /// It has to be read.
    More,
}

impl Left {
    fn next(&mut self, inbox: &mut Inbox) -> Result<Next, Fault> {
        match self {
            Self::Bytes(0) => Ok(Next::End(None)),
            Self::Bytes(_) if inbox.is_empty() => Ok(Next::More),
            Self::Bytes(left) => {
                let piece = inbox.take(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= piece.len() as u64;
                Ok(Next::Data(piece))
            }
            Self::Chunks(chunks) => Ok(match chunks.take(inbox.bytes())? {
                Found::More => Next::More,
                Found::Data(piece) => Next::Data(piece),
                Found::End(trailers) => Next::End(trailers),
            }),
        }
    }

    fn poll_read(
        &self,
        inbox: &mut Inbox,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let left = match self {
            Self::Bytes(left) => Some(*left),
            Self::Chunks(_) => None,
        };
        inbox.poll_long(left, io, cx)
    }
}
