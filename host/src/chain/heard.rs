//! A body that a plugin hears: it goes on as it came, each piece when the plugin has had it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::through::{Label, PIECE};
use crate::{
    body::{Body, BodyError},
    filter::{Failure, Stage},
    telemetry::Seconds,
};

/// The same body, heard by this stage.
pub(super) fn heard<S: Stage>(body: Body, stage: S, label: Label) -> Body {
    let state = State::Listening(stage);
    Body::boxed(Heard { body, left: Bytes::new(), given: Bytes::new(), last: None, state, label })
}

struct Heard<S> {
    body: Body,
    /// Of a piece that was too large.
    left: Bytes,
    /// What the plugin has, and goes on when it is done with it.
    given: Bytes,
    /// The trailers, for which the plugin's end is waited.
    last: Option<Frame<Bytes>>,
    state: State<S>,
    label: Label,
}

enum State<S> {
    /// The next piece is waited for.
    Listening(S),
    /// The plugin works. It gives its stage back unless that was the end.
    Working(Work<S>),
    /// It has heard the end, or has failed and is passed over: what is left goes on by itself.
    Alone,
    /// It has failed, or the body: whoever asks again must not see an end.
    Broken,
    Done,
}

type Work<S> = Pin<Box<dyn Future<Output = (Option<S>, Result<(), Failure>)> + Send>>;

/// What comes next.
enum Next {
    /// A piece, and whether it is the last one.
    Piece(Bytes, bool),
    End,
}

impl<S: Stage> HttpBody for Heard<S> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            match std::mem::replace(&mut this.state, State::Done) {
                State::Listening(stage) => match this.poll_next(cx) {
                    Poll::Pending => {
                        this.state = State::Listening(stage);
                        return Poll::Pending;
                    }
                    // The stage is dropped: its body has broken off.
                    Poll::Ready(Err(why)) => {
                        this.state = State::Broken;
                        return Poll::Ready(Some(Err(why)));
                    }
                    Poll::Ready(Ok(next)) => this.state = State::Working(this.begin(stage, next)),
                },
                State::Working(mut working) => match working.as_mut().poll(cx) {
                    Poll::Pending => {
                        this.state = State::Working(working);
                        return Poll::Pending;
                    }
                    Poll::Ready((stage, ran)) => {
                        if let Err(why) = ran.or_else(|failure| this.label.passed_over(&failure)) {
                            this.state = State::Broken;
                            return Poll::Ready(Some(Err(why)));
                        }
                        if stage.is_none() {
                            this.label.finished();
                        }
                        this.state = stage.map_or(State::Alone, State::Listening);
                        let piece = std::mem::take(&mut this.given);
                        if !piece.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(piece))));
                        }
                    }
                },
                State::Alone => return this.poll_alone(cx),
                State::Broken => {
                    this.state = State::Broken;
                    let why = "it has broken off before".to_owned();
                    return Poll::Ready(Some(Err(BodyError::Aborted(why))));
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }

    /// That of the body: it is as long as it was.
    fn size_hint(&self) -> SizeHint {
        let here = (self.left.len() + self.given.len()) as u64;
        let mut hint = self.body.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + here);
        }
        hint.set_lower(hint.lower() + here);
        hint
    }

    fn is_end_stream(&self) -> bool {
        match self.state {
            State::Done => true,
            // Not with the last byte that was announced: over HTTP/2 more may come than that, or trailers.
            State::Alone => {
                self.left.is_empty() && self.last.is_none() && self.body.is_end_stream()
            }
            _ => false,
        }
    }
}

impl<S: Stage> Heard<S> {
    /// A piece that is not too large, or the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, BodyError>> {
        while self.left.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(Ok(Next::End)),
                Some(Err(why)) => return Poll::Ready(Err(why)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.left = data,
                    Err(trailers) => {
                        self.last = Some(trailers);
                        return Poll::Ready(Ok(Next::End));
                    }
                },
            }
        }
        let piece = self.left.split_to(self.left.len().min(PIECE));
        // Whoever knows the length asks for no more behind the last piece: the plugin hears the end before it goes on.
        let is_last = self.left.is_empty() && has_ended(&self.body);
        Poll::Ready(Ok(Next::Piece(piece, is_last)))
    }

    fn begin(&mut self, stage: S, next: Next) -> Work<S> {
        let seconds = self.label.metrics.as_ref().map(|all| all.seconds.clone());
        match next {
            Next::Piece(piece, is_last) => {
                self.given = piece.clone();
                Box::pin(hear(stage, piece, is_last, seconds))
            }
            Next::End => Box::pin(async move { (None, end(stage, seconds.as_ref()).await) }),
        }
    }

    fn poll_alone(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.state = State::Alone;
        if !self.left.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.left)))));
        }
        if let Some(trailers) = self.last.take() {
            self.state = State::Done;
            return Poll::Ready(Some(Ok(trailers)));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            None => self.state = State::Done,
            Some(Err(_)) => self.state = State::Broken,
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }
}

/// What the plugin gives back is not looked at.
async fn hear<S: Stage>(
    mut stage: S,
    piece: Bytes,
    is_last: bool,
    seconds: Option<Seconds>,
) -> (Option<S>, Result<(), Failure>) {
    let started = Instant::now();
    let heard = stage.chunk(piece).await.map(drop);
    observe(seconds.as_ref(), started);
    match heard {
        Ok(()) if is_last => (None, end(stage, seconds.as_ref()).await),
        Ok(()) => (Some(stage), Ok(())),
        Err(failure) => (None, Err(failure)),
    }
}

async fn end<S: Stage>(stage: S, seconds: Option<&Seconds>) -> Result<(), Failure> {
    let started = Instant::now();
    let ended = stage.finish().await.map(drop);
    observe(seconds, started);
    ended
}

fn observe(seconds: Option<&Seconds>, started: Instant) {
    if let Some(seconds) = seconds {
        seconds.observe(started.elapsed());
    }
}

/// Whether no byte will come of it that its length has room for.
pub(super) fn has_ended(body: &Body) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}
