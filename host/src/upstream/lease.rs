//! An exchange with a target: the connection that it is on, and the response that comes back. The
//! connection goes back when the exchange is complete; where the lease is dropped before, an
//! HTTP/1.1 connection is closed and an HTTP/2 stream is reset.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::{body::Incoming, client::conn::TrySendError};

use super::{
    blame::Label,
    connection::{Connection, Http1, Http2},
    limits::Pass,
    outlier::is_failure,
    pool::Slot,
    switched::Switched,
    unanswered::Unanswered,
    upload::Upload,
};
use crate::{
    alarm::Alarm,
    body::{Body, BodyError, poll_stream},
    heads::{Request, ResponseHead},
};

/// One exchange's hold on a connection; counts as a request in flight.
pub(super) struct Lease {
    slot: Arc<Slot>,
    target: usize,
    /// What has come of the response is to the target's credit.
    is_good: bool,
    /// Since when it waits for an answer, where somebody wants to know.
    waits: Option<Instant>,
    /// The request's body, if it is streamed: until its end nobody waits for the target.
    upload: Option<Upload>,
    held: Held,
    /// The timer for whatever this exchange waits for.
    pub(super) alarm: Alarm,
    /// Under `limits.in_flight`, once there is a response.
    pub(super) pass: Option<Pass>,
}

/// What an exchange is on.
enum Held {
    Http1(Http1),
    Http2 {
        http2: Http2,
        answer: Option<BoxFuture<'static, Answer>>,
        body: Option<Incoming>,
    },
    /// It has gone back, or was given up.
    Nothing,
}

type Answer = Result<http::Response<Incoming>, TrySendError<http::Request<Body>>>;

impl Lease {
    /// Begins to send the request.
    pub(super) fn begin(
        slot: &Arc<Slot>,
        target: usize,
        connection: Connection,
        request: Request<Body>,
        upload: Option<&Upload>,
    ) -> Self {
        slot.request_began(target);
        let mut alarm = Alarm::default();
        let held = match connection {
            Connection::Http1(mut http1) => {
                http1.connection.begin(request);
                alarm = std::mem::take(&mut http1.alarm);
                Held::Http1(http1)
            }
            Connection::Http2(mut http2) => {
                http2.usage.begin();
                let answer = Box::pin(http2.sender.try_send_request(request.into()));
                Held::Http2 { http2, answer: Some(answer), body: None }
            }
        };
        let (slot, waits) = (slot.clone(), slot.is_timed.then(Instant::now));
        let upload = upload.filter(|_| waits.is_some()).cloned();
        Self { slot, target, is_good: false, waits, upload, held, alarm, pass: None }
    }

    /// Ready with the head of the response.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Unanswered>> {
        let head = match &mut self.held {
            Held::Http1(http1) => ready!(http1.connection.poll_head(cx))?,
            Held::Http2 { answer: Some(answer), body, .. } => {
                let (head, incoming) = ready!(answer.as_mut().poll(cx))?.into_parts();
                *body = Some(incoming);
                head.into()
            }
            Held::Http2 { .. } | Held::Nothing => return Poll::Pending,
        };
        self.answered(head.status);
        Poll::Ready(Ok(head))
    }

    /// There is the head of a response.
    fn answered(&mut self, status: StatusCode) {
        if is_failure(status) {
            return;
        }
        self.is_good = true;
        let since = self.since();
        self.waits = None;
        if let Some(since) = since {
            self.slot.answered(self.target, since.elapsed());
        }
    }

    /// Since when the target is waited for: not while its client is.
    fn since(&self) -> Option<Instant> {
        let begun = self.waits?;
        match &self.upload {
            None => Some(begun),
            Some(upload) => upload.ended().map(|ended| ended.max(begun)),
        }
    }

    /// The response has ended: the connection is free for the next request, if the request was
    /// sent to its end as well and neither side wants to close.
    pub(super) fn complete(&mut self) {
        self.succeed();
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Http1(mut http1) => {
                http1.alarm = std::mem::take(&mut self.alarm);
                self.slot.keep(self.target, http1);
            }
            Held::Http2 { http2, .. } => http2.usage.end(),
            Held::Nothing => {}
        }
    }

    /// The connection is no longer HTTP.
    pub(super) fn hand_over(&mut self) -> Option<Switched> {
        // HTTP/2 has no such thing.
        let Held::Http1(http1) = &mut self.held else { return None };
        let switched = http1.connection.switch();
        self.succeed();
        self.discard();
        switched.map(|(stream, ahead)| Switched::new(stream, ahead))
    }

    fn succeed(&mut self) {
        if std::mem::take(&mut self.is_good) {
            self.slot.succeeded(self.target);
        }
    }

    /// The response broke off.
    pub(super) fn broke_off(&mut self, why: &BodyError, is_theirs: bool, label: Option<&Label>) {
        self.discard();
        self.slot.broke_off(self.target, why, is_theirs, label);
        // A bad head was counted when it came.
        if std::mem::take(&mut self.is_good) && is_theirs {
            self.slot.no_success(self.target, why);
        }
    }

    /// The exchange has failed, or was given up. An HTTP/1.1 connection ends at once, and with it its
    /// hold on the request's body and so on the client: the service may not take what was written.
    pub(super) fn discard(&mut self) {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Http1(mut http1) => http1.connection.abort(),
            Held::Http2 { http2, .. } => http2.usage.end(),
            Held::Nothing => {}
        }
    }
}

/// The response's body.
impl HttpBody for Lease {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.held {
            Held::Http1(http1) => {
                let frame = ready!(http1.connection.poll_frame(cx));
                Poll::Ready(
                    frame.map(|frame| frame.map_err(|why| BodyError::Aborted(why.to_string()))),
                )
            }
            Held::Http2 { body: Some(body), .. } => poll_stream(body, cx),
            Held::Http2 { .. } | Held::Nothing => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.held {
            Held::Http1(http1) => http1.connection.is_end_stream(),
            Held::Http2 { body, .. } => body.as_ref().is_none_or(HttpBody::is_end_stream),
            Held::Nothing => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.held {
            Held::Http1(http1) => http1.connection.size_hint(),
            Held::Http2 { body: Some(body), .. } => body.size_hint(),
            Held::Http2 { .. } | Held::Nothing => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.discard();
        if let Some(since) = self.since() {
            self.slot.waited(self.target, since.elapsed());
        }
        self.slot.request_ended(self.target);
    }
}
