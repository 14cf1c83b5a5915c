//! Bytes on their way out.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::io::AsyncWrite;

/// Up to this length a copy is cheaper than one more slice to write.
const SMALL: usize = 4 << 10;

/// Room for short things that is kept for the next request.
const MOST_KEPT: usize = 16 << 10;

/// What is written next: short things one after the other, then one long one as it came.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Heads, sizes of chunks, short pieces of a body.
    short: Vec<u8>,
    /// How much of these is written.
    written: usize,
    long: Bytes,
    /// What ends the long one.
    tail: &'static [u8],
}

impl Outbox {
    /// Where heads and other short things go. Only while there is nothing long.
    pub fn short(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.long.is_empty() && self.tail.is_empty());
        &mut self.short
    }

    /// A piece of a body, and what ends it.
    pub fn piece(&mut self, piece: Bytes, tail: &'static [u8]) {
        if piece.len() <= SMALL {
            self.short().extend_from_slice(&piece);
            self.short.extend_from_slice(tail);
        } else {
            (self.long, self.tail) = (piece, tail);
        }
    }

    /// Whether more of a body may be put in before this is written.
    pub fn has_room(&self) -> bool {
        self.long.is_empty() && self.tail.is_empty() && self.short.len() < SMALL
    }

    /// Whether all of it is written.
    pub fn is_empty(&self) -> bool {
        self.written == self.short.len() && self.long.is_empty() && self.tail.is_empty()
    }

    /// Ready when all of it is written. How much was is added to `count`.
    pub fn poll_write(
        &mut self,
        mut io: impl AsyncWrite + Unpin,
        count: &mut u64,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let short = &self.short[self.written..];
            let io = Pin::new(&mut io);
            let length = if self.long.is_empty() && self.tail.is_empty() {
                ready!(io.poll_write(cx, short))?
            } else {
                let all = [short, &self.long, self.tail].map(IoSlice::new);
                let all = if short.is_empty() { &all[1..] } else { &all };
                ready!(io.poll_write_vectored(cx, all))?
            };
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *count += length as u64;
            self.advance(length);
        }
        // A long head was one of few: a connection that waits need not carry the room for it.
        match self.short.capacity() > MOST_KEPT {
            true => self.short = Vec::new(),
            false => self.short.clear(),
        }
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut length: usize) {
        let short = length.min(self.short.len() - self.written);
        self.written += short;
        length -= short;
        let long = length.min(self.long.len());
        self.long.advance(long);
        self.tail = &self.tail[length - long..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a byte at a time.
    #[derive(Default)]
    struct Slow(Vec<u8>);

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.extend(bytes.first());
            Poll::Ready(Ok(bytes.len().min(1)))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn everything_goes_out_in_order_however_little_is_taken() {
        let (mut outbox, mut slow, mut count) = (Outbox::default(), Slow::default(), 0);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let long = vec![b'x'; SMALL + 1];
        for piece in [b"short".to_vec(), long.clone()] {
            outbox.short().extend_from_slice(b"head ");
            outbox.piece(Bytes::from(piece), b"\r\n");
            assert!(outbox.poll_write(&mut slow, &mut count, &mut cx).is_ready());
            assert!(outbox.is_empty());
        }
        let expected = [b"head short\r\nhead ".to_vec(), long, b"\r\n".to_vec()].concat();
        assert_eq!(slow.0, expected);
        assert_eq!(count, expected.len() as u64);
    }
}
