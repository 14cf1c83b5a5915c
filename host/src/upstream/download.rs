//! A response body on its way from a target. The connection is given back when the body was read
//! to its end, and a body that stalls or outlives the deadline breaks off.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{blame::Label, lease::Lease, upload::Upload};
use crate::{
    body::{Body, BodyError, is_last},
    heads::{Response, ResponseHead},
};

/// Takes the body off the connection if all of it is there, which goes for most small replies: then
/// the connection is free at once and nothing has to be watched. Otherwise the body keeps the
/// lease.
pub(super) async fn receive(
    head: ResponseHead,
    mut lease: Lease,
    idle_timeout: Duration,
    deadline: Instant,
) -> Response<Body> {
    let first = first_frame(&head, &mut lease).await;
    received(head, first, lease, Terms { idle_timeout, deadline, upload: None, names: None })
}

/// What a response is held to, and whose it is.
pub(super) struct Terms<'a> {
    pub(super) idle_timeout: Duration,
    pub(super) deadline: Instant,
    /// The request's body, if it is streamed.
    pub(super) upload: Option<Upload>,
    /// For the log; of nobody's request it has nothing.
    pub(super) names: Option<Names<'a>>,
}

/// How the log names an exchange.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) route: &'a Arc<str>,
    pub(super) request: &'a Arc<str>,
}

/// The same, once it was looked at what is there.
pub(super) fn received(
    mut head: ResponseHead,
    first: First,
    mut lease: Lease,
    terms: Terms<'_>,
) -> Response<Body> {
    let first = match first {
        First::Switched => {
            if let Some(switched) = lease.hand_over() {
                head.extensions.insert(switched);
            }
            return Response { head, body: Body::Empty };
        }
        First::Last(body) => {
            lease.complete();
            return Response { head, body };
        }
        First::More(first) => first,
    };
    let Terms { idle_timeout, deadline, upload, names } = terms;
    let label =
        names.map(|names| Label { route: names.route.clone(), request: names.request.clone() });
    let (is_told, waiting) = (false, None);
    let watched = Watched { first, is_told, lease, upload, label, idle_timeout, deadline, waiting };
    Response { head, body: Body::boxed(watched) }
}

/// What is there of a response, beside its head.
pub(super) enum First {
    /// Another protocol.
    Switched,
    /// All of the body.
    Last(Body),
    /// What has arrived of it.
    More(Option<Result<Frame<Bytes>, BodyError>>),
}

/// Looks without waiting.
pub(super) async fn first_frame(head: &ResponseHead, lease: &mut Lease) -> First {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return First::Switched;
    }
    if lease.is_end_stream() {
        return First::Last(Body::Empty);
    }
    match poll_fn(|cx| Poll::Ready(Pin::new(&mut *lease).poll_frame(cx))).await {
        Poll::Pending => First::More(None),
        Poll::Ready(None) => First::Last(Body::Empty),
        Poll::Ready(Some(Err(why))) => First::More(Some(Err(why))),
        Poll::Ready(Some(Ok(frame))) if !lease.is_end_stream() => First::More(Some(Ok(frame))),
        Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
            Ok(data) => First::Last(Body::from(data)),
            Err(trailers) => First::More(Some(Ok(trailers))),
        },
    }
}

struct Watched {
    /// What arrived with the head.
    first: Option<Result<Frame<Bytes>, BodyError>>,
    /// It breaks off, and whoever reads it had a turn to pass on what came before.
    is_told: bool,
    lease: Lease,
    upload: Option<Upload>,
    label: Option<Label>,
    idle_timeout: Duration,
    deadline: Instant,
    /// Since when the target has kept us waiting.
    waiting: Option<Instant>,
}

impl Watched {
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        self.lease.alarm.poll_until(self.deadline.min(since + self.idle_timeout), cx)
    }

    /// What is over: the exchange's time, or the patience with a target that says nothing.
    fn late(&self) -> BodyError {
        let now = Instant::now();
        match now < self.deadline {
            true => BodyError::Timeout,
            false => BodyError::Deadline { silent: now - self.waiting.unwrap_or(now) },
        }
    }

    fn fail(&mut self, why: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let why = match self.upload.as_ref().and_then(Upload::failure) {
            Some(request) => BodyError::Request(Box::new(request)),
            None => why,
        };
        self.lease.broke_off(&why, self.is_theirs(&why), self.label.as_ref());
        Poll::Ready(Some(Err(why)))
    }

    /// Whether it is the target's fault. One that waits for more of the request may be silent; and what the gateway
    /// itself cuts is no fault of the target's, which may be as silent as `timeouts.idle` allows.
    fn is_theirs(&self, why: &BodyError) -> bool {
        let is_sent = || self.upload.as_ref().is_none_or(|upload| upload.ended().is_some());
        match why {
            BodyError::Aborted(_) => true,
            BodyError::Timeout => is_sent(),
            _ => false,
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = match this.first.take() {
            Some(first) => Some(first),
            None => match Pin::new(&mut this.lease).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(this.poll_late(cx));
                    return this.fail(this.late());
                }
            },
        };
        this.waiting = None;
        match frame {
            // Who sends it on writes at the end of a turn, and would drop the head for this.
            Some(Err(why)) if !std::mem::replace(&mut this.is_told, true) => {
                this.first = Some(Err(why));
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Err(why)) => return this.fail(why),
            // A client that reads slowly keeps the body from waiting, so the clock is asked here.
            Some(Ok(_)) if Instant::now() >= this.deadline => return this.fail(this.late()),
            Some(Ok(_)) if !is_last(&this.lease) => {}
            Some(Ok(_)) | None => this.lease.complete(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.lease.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.lease.size_hint();
        let first = match &self.first {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) => return SizeHint::default(),
            None => 0,
        };
        match rest.exact() {
            Some(exact) => SizeHint::with_exact(first + exact),
            None => SizeHint::default(),
        }
    }
}
