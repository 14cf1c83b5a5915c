//! Bytes on their way in.

use std::{
    cell::RefCell,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

use super::find_end;

/// What a read takes at most, if nothing longer is known to come; reads that take all of it double it.
const LEAST: usize = 8 << 10;

/// What a read takes at most.
const MOST_READ: usize = 256 << 10;

thread_local! {
    /// Where short things are read to. One for each thread is in the caches; one for each connection was not, and
    /// was kept while nothing came.
    static DESK: RefCell<Box<[u8]>> = RefCell::new(vec![0; LEAST].into());
}

/// What was read and belongs to what comes next.
#[derive(Debug)]
pub struct Inbox {
    read: BytesMut,
    /// How much of that is known not to end a head.
    seen: usize,
    /// What the next long read takes at most.
    most: usize,
    /// What any read takes at most.
    cap: usize,
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new(BytesMut::new(), MOST_READ)
    }
}

impl Inbox {
    /// Begins with what was read before. No read takes more than `cap`.
    pub fn new(read: BytesMut, cap: usize) -> Self {
        Self { read, seen: 0, most: LEAST, cap }
    }

    /// What is there.
    pub fn bytes(&mut self) -> &mut BytesMut {
        &mut self.read
    }

    /// How much is there.
    pub fn len(&self) -> usize {
        self.read.len()
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.read.is_empty()
    }

    /// Takes a head off, once all of it is there.
    pub fn take_head(&mut self) -> Option<Bytes> {
        let length = find_end(&mut self.read, &mut self.seen)?;
        Some(self.take(length))
    }

    /// Takes up to this many bytes off.
    pub fn take(&mut self, most: usize) -> Bytes {
        if most >= self.read.len() {
            return std::mem::take(&mut self.read).freeze();
        }
        self.read.split_to(most).freeze()
    }

    /// Gives everything away.
    pub fn take_all(&mut self) -> Bytes {
        std::mem::take(&mut self.read).freeze()
    }

    /// Nobody knows when the next message comes: there is no room kept for it.
    pub fn rest(&mut self) {
        self.most = LEAST;
        if self.read.is_empty() {
            self.read = BytesMut::new();
        }
    }

    /// Reads more of a head, or of something else that is short. Zero is the end.
    pub fn poll_short(
        &mut self,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if !self.read.is_empty() {
            return self.poll_into(LEAST, io, cx);
        }
        DESK.with_borrow_mut(|desk| {
            let mut desk = ReadBuf::new(desk);
            ready!(Pin::new(io).poll_read(cx, &mut desk))?;
            self.read = BytesMut::from(desk.filled());
            Poll::Ready(Ok(desk.filled().len()))
        })
    }

    /// Reads more of a body, of which at most so many bytes are left. Zero is the end.
    pub fn poll_long(
        &mut self,
        left: Option<u64>,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let left = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        // What is behind it is nobody's, or the next message.
        let most = self.most.min(left);
        let length = match self.most == LEAST && self.read.is_empty() {
            true => ready!(self.poll_short(io, cx))?,
            false => ready!(self.poll_into(most, io, cx))?,
        };
        if length >= most {
            self.most = (self.most * 2).min(self.cap);
        } else if length < self.most / 4 {
            self.most = (self.most / 2).max(LEAST);
        }
        Poll::Ready(Ok(length))
    }

    fn poll_into(
        &mut self,
        most: usize,
        io: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.read.capacity() - self.read.len() < most.div_ceil(2) {
            self.read.reserve(most);
        }
        pin!(io.read_buf(&mut self.read)).poll(cx)
    }
}
