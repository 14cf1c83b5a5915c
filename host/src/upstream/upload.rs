//! A request body on its way to a target: its end starts the wait for the response, and its
//! failure is told apart from the target's.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::{
    alarm::Alarm,
    body::{Body, BodyError},
    http1::may_trail,
};

/// What became of a streamed request body. The connection's task writes, the exchange reads.
#[derive(Clone, Default)]
pub(super) struct Upload(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    Running,
    Ended(Instant),
    Failed(Option<BodyError>),
}

impl Upload {
    /// Watches `body`, unless all of it is there.
    pub(super) fn watch(
        body: &mut Body,
        idle_timeout: Duration,
        deadline: Instant,
    ) -> Option<Self> {
        if body.is_end_stream() {
            *body = Body::Empty;
        }
        if let Body::Empty | Body::Full(_) = body {
            return None;
        }
        let upload = Self::default();
        *body = Body::boxed(Watched {
            body: std::mem::take(body),
            upload: upload.clone(),
            idle_timeout,
            deadline,
            waiting: None,
            alarm: Alarm::default(),
        });
        Some(upload)
    }

    /// When its end was there; none while there is more.
    pub(super) fn ended(&self) -> Option<Instant> {
        match *self.state() {
            State::Ended(at) => Some(at),
            State::Running | State::Failed(_) => None,
        }
    }

    /// Why it broke off, if it did.
    pub(super) fn failure(&self) -> Option<BodyError> {
        match &mut *self.state() {
            State::Failed(why) => why.take(),
            State::Running | State::Ended(_) => None,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Watched {
    body: Body,
    upload: Upload,
    idle_timeout: Duration,
    deadline: Instant,
    /// Since when the client has kept us waiting.
    waiting: Option<Instant>,
    alarm: Alarm,
}

impl Watched {
    fn fail(&self, why: BodyError) -> BodyError {
        // hyper gets a text only; what happened is told by the exchange.
        let text = why.to_string();
        *self.upload.state() = State::Failed(Some(why));
        BodyError::Aborted(text)
    }

    fn end(&self) {
        let mut state = self.upload.state();
        if let State::Running = *state {
            *state = State::Ended(Instant::now());
        }
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        self.alarm.poll_until(self.deadline.min(since + self.idle_timeout), cx)
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.poll_late(cx));
            return Poll::Ready(Some(Err(self.fail(BodyError::Timeout))));
        };
        self.waiting = None;
        let frame = frame.map(|frame| frame.map(sifted).map_err(|why| self.fail(why)));
        // Not with the last byte that was announced: until the end is there, that is held back.
        // Behind trailers there is nothing, and nobody asks.
        let is_trailers = matches!(&frame, Some(Ok(frame)) if frame.is_trailers());
        if frame.is_none() || is_trailers || self.body.is_end_stream() {
            self.end();
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

/// Trailers without what may not be there, over whatever they go on.
fn sifted(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            let kept: Vec<_> = trailers.keys().filter(|name| !may_trail(name)).cloned().collect();
            kept.into_iter().for_each(|name| drop(trailers.remove(name)));
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As HTTP/2 gives a body whose end comes in a frame of its own.
    struct Unended {
        data: Option<Bytes>,
        has_ended: bool,
    }

    impl HttpBody for Unended {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            match self.data.take() {
                Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
                None if std::mem::replace(&mut self.has_ended, true) => Poll::Ready(None),
                None => Poll::Pending,
            }
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
        }
    }

    #[test]
    fn a_body_has_ended_when_its_end_is_there_whatever_was_announced() {
        let mut body = Body::boxed(Unended { data: Some("hello".into()), has_ended: false });
        let far = Instant::now() + Duration::from_secs(60);
        let upload = Upload::watch(&mut body, Duration::from_secs(60), far).expect("it streams");
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        for (is_ready, has_ended) in [(true, false), (false, false), (true, true)] {
            assert_eq!(Pin::new(&mut body).poll_frame(&mut cx).is_ready(), is_ready);
            assert_eq!(upload.ended().is_some(), has_ended);
        }
    }
}
