//! A body on its way through a stream hook: what arrives goes in piece by piece, what comes out goes
//! on at once.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tracing::{error, field::display, warn};

use super::link::{blame, status_of};
use crate::{
    body::{Body, BodyError, coding::mend_trailers},
    config::OnErrorAction,
    filter::{Failure, Stage},
    telemetry::{HookMetrics, Seconds},
    traces::{Span, TraceId},
};

/// The largest piece that is handed to a plugin: what an instance must hold at once.
pub(super) const PIECE: usize = 64 << 10;

/// Whose body it is: for the log, when the head is out and nobody else is left to tell.
pub(super) struct Label {
    pub(super) route: Arc<str>,
    pub(super) request: Arc<str>,
    pub(super) trace: Option<TraceId>,
    pub(super) metrics: Option<HookMetrics>,
    pub(super) on_error: OnErrorAction,
    /// The plugin's place in the chain.
    pub(super) at: usize,
    /// Of its work on this body, where it is traced.
    pub(super) span: Option<Box<Span>>,
}

/// The body behind this stage.
pub(super) fn through<S: Stage>(body: Body, stage: S, label: Label) -> Body {
    let state = State::Reading(stage);
    Body::boxed(Through { body, left: Bytes::new(), trailers: None, state, label })
}

struct Through<S> {
    body: Body,
    /// Of a piece that was too large.
    left: Bytes,
    trailers: Option<HeaderMap>,
    state: State<S>,
    label: Label,
}

enum State<S> {
    /// The next piece is waited for.
    Reading(S),
    /// The plugin works. It gives its stage back unless it has finished.
    Working(Work<S>),
    /// The plugin has finished; trailers may follow.
    Ending,
    /// It has failed, or the body before it: whoever asks again must not see an end.
    Broken,
    Done,
}

type Work<S> = Pin<Box<dyn Future<Output = (Option<S>, Result<Bytes, Failure>)> + Send>>;

impl<S: Stage> HttpBody for Through<S> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            match std::mem::replace(&mut this.state, State::Done) {
                State::Reading(stage) => match this.poll_piece(cx) {
                    Poll::Pending => {
                        this.state = State::Reading(stage);
                        return Poll::Pending;
                    }
                    // The stage is dropped: its body has broken off.
                    Poll::Ready(Err(why)) => {
                        this.state = State::Broken;
                        return Poll::Ready(Some(Err(why)));
                    }
                    Poll::Ready(Ok(piece)) => {
                        let seconds = this.label.metrics.as_ref().map(|all| all.seconds.clone());
                        this.state = State::Working(work(stage, piece, seconds));
                    }
                },
                State::Working(mut working) => match working.as_mut().poll(cx) {
                    Poll::Pending => {
                        this.state = State::Working(working);
                        return Poll::Pending;
                    }
                    Poll::Ready((stage, Ok(bytes))) => {
                        this.state = stage.map_or(State::Ending, State::Reading);
                        if matches!(this.state, State::Ending) {
                            this.label.finished();
                        }
                        if !bytes.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(bytes))));
                        }
                    }
                    Poll::Ready((_, Err(failure))) => {
                        this.state = State::Broken;
                        return Poll::Ready(Some(Err(this.label.broke_off(&failure))));
                    }
                },
                State::Ending => match this.trailers.take() {
                    Some(trailers) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                    None => return Poll::Ready(None),
                },
                State::Broken => {
                    this.state = State::Broken;
                    let why = "it has broken off before".to_owned();
                    return Poll::Ready(Some(Err(BodyError::Aborted(why))));
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }

    /// Never known beforehand: `finish` may always have something left.
    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }

    fn is_end_stream(&self) -> bool {
        match self.state {
            State::Done => true,
            State::Ending => self.trailers.is_none(),
            _ => false,
        }
    }
}

impl<S> Through<S> {
    /// What arrives next; none at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        while self.left.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(Ok(None)),
                Some(Err(why)) => return Poll::Ready(Err(why)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.left = data,
                    Err(frame) => self.trailers = frame.into_trailers().ok().and_then(mended),
                },
            }
        }
        let length = self.left.len().min(PIECE);
        Poll::Ready(Ok(Some(self.left.split_to(length))))
    }
}

/// What still holds of trailers behind a plugin that has changed their body.
fn mended(mut trailers: HeaderMap) -> Option<HeaderMap> {
    mend_trailers(&mut trailers);
    (!trailers.is_empty()).then_some(trailers)
}

/// One call, timed as those of other hooks are.
fn work<S: Stage>(mut stage: S, piece: Option<Bytes>, seconds: Option<Seconds>) -> Work<S> {
    let started = Instant::now();
    let timed = move || {
        if let Some(seconds) = seconds {
            seconds.observe(started.elapsed());
        }
    };
    match piece {
        Some(piece) => Box::pin(async move {
            let given = stage.chunk(piece).await;
            timed();
            (Some(stage), given)
        }),
        None => Box::pin(async move {
            let rest = stage.finish().await;
            timed();
            (None, rest)
        }),
    }
}

impl Label {
    /// The plugin has given the last of it.
    pub(super) fn finished(&mut self) {
        if let Some(span) = self.span.take() {
            span.end();
        }
    }

    /// Of a plugin that only hears a body nothing is lost where `on_error` says that it is skipped.
    pub(super) fn passed_over(&mut self, failure: &Failure) -> Result<(), BodyError> {
        if self.on_error != OnErrorAction::Skip {
            return Err(self.broke_off(failure));
        }
        let (plugin, hook) = (&*failure.plugin, failure.hook.name());
        let (route, request) = (&*self.route, &*self.request);
        let trace_id = self.trace.map(display);
        warn!(plugin, route, request, trace_id, hook, cause = %failure.cause, "skipped (on_error)");
        if let Some(metrics) = &self.metrics {
            metrics.skipped(failure.cause.label());
        }
        if let Some(span) = &mut self.span {
            blame(span, failure);
        }
        Ok(())
    }

    /// The head is out, so that the client learns of it by a body without its end.
    fn broke_off(&mut self, failure: &Failure) -> BodyError {
        let (plugin, hook) = (&*failure.plugin, failure.hook.name());
        let (route, request) = (&*self.route, &*self.request);
        let (trace_id, reason) = (self.trace.map(display), "stream-failed");
        error!(plugin, hook, route, request, trace_id, reason, "{}", failure.cause);
        if let Some(mut span) = self.span.take() {
            blame(&mut span, failure);
            span.end();
        }
        if let Some(metrics) = &self.metrics {
            metrics.broke_off(failure.cause.label());
        }
        let status = status_of(self.on_error, failure);
        let why = format!("{plugin}: {}", failure.cause);
        let client = failure.cause.client().to_owned();
        BodyError::Plugin { why, client, status, at: self.at }
    }
}
