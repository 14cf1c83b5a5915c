//! A body at which somebody looks as it passes.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Body, BodyError};

/// Who looks. Where the body is given up before its end, this is dropped and told nothing.
pub trait Tap {
    /// Whether it has come to its end only when that is there, and not with the last byte that was
    /// announced: over HTTP/2 more may come, and then it was no message. Whoever sends on the body of
    /// a request asks for that; hyper, who sends on that of a response, does not ([`is_last`]).
    const TO_THE_END: bool = false;

    /// A piece passes. An error takes its place, and is the end.
    fn data(&mut self, _piece: &Bytes) -> Result<(), BodyError> {
        Ok(())
    }

    /// Trailers pass.
    fn trailers(&mut self, _trailers: &HeaderMap) {}

    /// It has come to its end; trailers may still follow. Told once.
    fn end(&mut self) {}

    /// It breaks off, and why.
    fn broken(&mut self, _why: &BodyError) {}
}

/// A body and whoever looks at it.
pub struct Tapped<T> {
    body: Body,
    tap: T,
    ended: bool,
}

impl<T: Tap> Tapped<T> {
    /// `body`, looked at by `tap`.
    pub fn new(body: Body, tap: T) -> Self {
        Self { body, tap, ended: false }
    }

    fn look(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        frame.data_ref().map_or(Ok(()), |piece| self.tap.data(piece))?;
        if let Some(trailers) = frame.trailers_ref() {
            self.tap.trailers(trailers);
        }
        let is_over = if T::TO_THE_END { self.body.is_end_stream() } else { is_last(&self.body) };
        // Behind trailers there is nothing, and nobody asks.
        if is_over || frame.is_trailers() {
            self.end();
        }
        Ok(frame)
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.tap.end();
        }
    }
}

impl<T: Tap + Unpin> HttpBody for Tapped<T> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let frame = frame.map(|frame| frame.and_then(|frame| self.look(frame)));
        match &frame {
            Some(Ok(_)) => {}
            Some(Err(why)) => self.tap.broken(why),
            None => self.end(),
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

/// Whether what has just come from this body was the last of it. hyper does not ask again after a
/// last frame, nor after the last byte of a known length: an end that comes in a frame of its own
/// (HTTP/2) would never be seen.
pub fn is_last(body: &impl HttpBody) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says what it sees.
    #[derive(Default)]
    struct Notes {
        seen: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
        most: usize,
    }

    impl Notes {
        fn note(&self, what: impl Into<String>) {
            self.seen.lock().unwrap().push(what.into());
        }
    }

    impl Tap for Notes {
        fn data(&mut self, piece: &Bytes) -> Result<(), BodyError> {
            self.note(String::from_utf8_lossy(piece));
            if piece.len() > self.most { Err(BodyError::TooLarge(1)) } else { Ok(()) }
        }

        fn end(&mut self) {
            self.note("end");
        }

        fn broken(&mut self, why: &BodyError) {
            self.note(why.to_string());
        }
    }

    /// Pieces, and then an end that does not come; as HTTP/2 gives them, of a known length or not.
    struct Pieces(Vec<&'static str>, bool);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            match self.0.is_empty() {
                true => Poll::Pending,
                false => Poll::Ready(Some(Ok(Frame::data(self.0.remove(0).into())))),
            }
        }

        fn size_hint(&self) -> SizeHint {
            let left = self.0.iter().map(|piece| piece.len() as u64).sum();
            if self.1 { SizeHint::with_exact(left) } else { SizeHint::default() }
        }
    }

    fn seen(pieces: Pieces, most: usize) -> Vec<String> {
        let notes = Notes { most, ..Notes::default() };
        let seen = notes.seen.clone();
        let mut body = Tapped::new(Body::boxed(pieces), notes);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(Some(Ok(_))) = Pin::new(&mut body).poll_frame(&mut cx) {}
        drop(body);
        let seen = seen.lock().unwrap();
        seen.clone()
    }

    #[test]
    fn the_end_is_seen_once_and_with_the_last_byte_of_a_known_length() {
        assert_eq!(seen(Pieces(vec!["a", "b"], true), 1), ["a", "b", "end"]);
        assert_eq!(seen(Pieces(vec!["a", "b"], false), 1), ["a", "b"], "more may come");
    }

    #[test]
    fn whoever_looks_can_end_it() {
        assert_eq!(
            seen(Pieces(vec!["a", "bc", "d"], true), 1),
            ["a", "bc", "the body is longer than 1 bytes"]
        );
    }
}
