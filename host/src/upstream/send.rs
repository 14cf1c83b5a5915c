//! One request to one upstream: which target, which connection, and whether to try again.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Poll, ready},
    time::{Duration, Instant},
};

use http::{Request, Response};
use hyper::{body::Incoming, client::conn::TrySendError};
use tracing::debug;

use super::{
    Phase, Upstream, UpstreamError, connect::ConnectError, connection::Connection, download,
    lease::Lease, pool::Slot, request, target::Target, upload::Upload,
};
use crate::{
    alarm::Alarm,
    body::{Body, with_sources},
};

impl Upstream {
    /// Sends a request to one of the targets and waits for the head of its response, whose body is
    /// held to `deadline` too. The request is origin-form with clean headers.
    ///
    /// Nothing that the service has seen is sent again, but for idempotent requests on a
    /// connection that turns out to have been closed while it was kept: that race cannot be seen
    /// beforehand, and it is no fault of the client's.
    pub async fn send(
        &self,
        mut request: Request<Body>,
        deadline: Instant,
    ) -> Result<Response<Body>, UpstreamError> {
        let slot = self.slot();
        let upload = Upload::watch(request.body_mut(), self.settings.idle_timeout, deadline);
        let mut attempt = Attempt { tried: Vec::new(), kept: true, last: None };
        loop {
            let (index, connection, kept) = self.connection(slot, &mut attempt, deadline).await?;
            let target = &self.targets[index];
            let spare = self.prepare(&mut request, target, &connection, kept);
            let (mut lease, response) = Lease::begin(slot, index, connection, request);
            let wait = Wait { head: self.settings.head_timeout, deadline, upload: upload.as_ref() };
            match wait.on(response, &mut lease.alarm).await {
                Ok(Ok(response)) => {
                    let idle_timeout = self.settings.idle_timeout;
                    return Ok(download::receive(response, lease, idle_timeout, deadline).await);
                }
                Ok(Err(error)) => {
                    debug!(target = %target.name, kept, error = with_sources(error.error()), "not answered");
                    let sent = Sent { index, target, kept, spare };
                    request = attempt.again(error, sent).map_err(|why| {
                        let failure = upload.as_ref().and_then(Upload::failure);
                        failure.map_or(why, UpstreamError::RequestBody)
                    })?;
                }
                Err(phase) => return Err(timeout(target, phase)),
            }
        }
    }

    /// A connection to the next target that takes one, and whether it was used before.
    async fn connection(
        &self,
        slot: &Arc<Slot>,
        attempt: &mut Attempt,
        deadline: Instant,
    ) -> Result<(usize, Connection, bool), UpstreamError> {
        loop {
            let picked = slot.pick(&self.targets, &attempt.tried, attempt.kept);
            let (index, kept) = match (picked, attempt.last.take()) {
                (Some(picked), _) => picked,
                (None, Some(why)) => return Err(why),
                (None, None) => return Err(no_target(&self.settings.name)),
            };
            if let Some(connection) = kept {
                return Ok((index, connection, true));
            }
            match self.open(slot, index, deadline).await {
                Ok((connection, kept)) => return Ok((index, connection, kept)),
                Err(_) if Instant::now() >= deadline => {
                    return Err(timeout(&self.targets[index], Phase::Total));
                }
                Err(why) => {
                    let why = not_connected(&self.targets[index], why);
                    debug!(upstream = %self.settings.name, %why, "trying another target");
                    attempt.tried.push(index);
                    attempt.last = Some(why);
                }
            }
        }
    }

    /// A new connection, or the shared one that another request has just made.
    async fn open(
        &self,
        slot: &Arc<Slot>,
        index: usize,
        deadline: Instant,
    ) -> Result<(Connection, bool), ConnectError> {
        let target = &self.targets[index];
        let connect = self.connector.connect(target, index, &slot.counters, deadline);
        if !self.connector.is_shared(target) {
            return Ok((connect.await?, false));
        }
        let wait = tokio::time::timeout_at(deadline.into(), slot.dialing[index].lock());
        let _dialing = wait.await.map_err(|_| ConnectError::Timeout)?;
        if let Some(shared) = slot.shared(index) {
            return Ok((shared, true));
        }
        let connection = connect.await?;
        if let Connection::Http2(http2) = &connection {
            slot.share(index, http2.clone());
        }
        Ok((connection, false))
    }

    /// Shapes the request for the connection, and copies it if it may have to be sent again. The
    /// copy costs some 0.2 us, so it is made only where it can be of use.
    fn prepare(
        &self,
        request: &mut Request<Body>,
        target: &Target,
        connection: &Connection,
        kept: bool,
    ) -> Option<Request<Body>> {
        match connection {
            Connection::Http1(_) => request::for_http1(request, target),
            Connection::Http2(_) => request::for_http2(request, target, self.connector.is_tls()),
        }
        let repeatable = match connection {
            Connection::Http1(_) => request.method().is_idempotent(),
            // HTTP/2 says which requests the service has not looked at.
            Connection::Http2(_) => true,
        };
        (kept && repeatable).then(|| request::copy(request)).flatten()
    }
}

/// What has been tried for one request.
struct Attempt {
    /// Targets that took no connection.
    tried: Vec<usize>,
    /// Whether a kept connection will do.
    kept: bool,
    /// Why the last target did not do.
    last: Option<UpstreamError>,
}

/// What was sent, and to where.
struct Sent<'a> {
    index: usize,
    target: &'a Target,
    /// On a connection that had been used before.
    kept: bool,
    spare: Option<Request<Body>>,
}

impl Attempt {
    /// The request to send once more, or why not.
    fn again(
        &mut self,
        mut error: TrySendError<Request<Body>>,
        sent: Sent<'_>,
    ) -> Result<Request<Body>, UpstreamError> {
        let unsent = error.take_message();
        let error = error.into_error();
        let why = protocol(sent.target, &error);
        if sent.kept && !self.kept {
            // Once is enough: this one was shared by others meanwhile.
            return Err(why);
        }
        let spare = sent.spare.filter(|spare| {
            is_unprocessed(&error) || (spare.method().is_idempotent() && is_lost(&error))
        });
        let Some(again) = unsent.or(spare) else { return Err(why) };
        if !sent.kept {
            // A new connection that closes before the request is written: the target is no good.
            self.tried.push(sent.index);
            self.last = Some(why);
        }
        self.kept = false;
        Ok(again)
    }
}

/// The connection went away, as it does when the service had closed it while it was kept.
fn is_lost(error: &hyper::Error) -> bool {
    use std::error::Error as _;
    let source = error.source();
    let h2 = source.and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || source.is_some_and(|source| source.is::<std::io::Error>())
        || h2.is_some_and(|h2| h2.is_io() || h2.is_go_away())
}

/// RFC 9113, 8.7: REFUSED_STREAM, and GOAWAY for streams above its last, say that nothing was
/// done for the request.
fn is_unprocessed(error: &hyper::Error) -> bool {
    use std::error::Error as _;
    let h2 = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    h2.is_some_and(|h2| match h2.reason() {
        Some(h2::Reason::REFUSED_STREAM) => h2.is_remote(),
        Some(h2::Reason::NO_ERROR) => h2.is_go_away() && h2.is_remote(),
        _ => false,
    })
}

/// How long to wait for a response head.
struct Wait<'a> {
    /// From the end of the request.
    head: Duration,
    deadline: Instant,
    /// The request's body, if it is streamed.
    upload: Option<&'a Upload>,
}

type Answer = Result<Response<Incoming>, TrySendError<Request<Body>>>;

impl Wait<'_> {
    async fn on(
        self,
        response: impl Future<Output = Answer>,
        alarm: &mut Alarm,
    ) -> Result<Answer, Phase> {
        let mut response = pin!(response);
        let mut check = self.deadline.min(Instant::now() + self.head);
        poll_fn(|cx| {
            if let Poll::Ready(answer) = response.as_mut().poll(cx) {
                return Poll::Ready(Ok(answer));
            }
            loop {
                ready!(alarm.poll_until(check, cx));
                match self.late(check) {
                    Ok(next) => check = next,
                    Err(phase) => return Poll::Ready(Err(phase)),
                }
            }
        })
        .await
    }

    /// When to look again, at the time `now`.
    fn late(&self, now: Instant) -> Result<Instant, Phase> {
        if now >= self.deadline {
            return Err(Phase::Total);
        }
        let since = match self.upload {
            None => return Err(Phase::Head),
            // Still being sent: its own pace is watched where it is read.
            Some(upload) => upload.ended().unwrap_or(now),
        };
        let due = since + self.head;
        if due <= now { Err(Phase::Head) } else { Ok(due.min(self.deadline)) }
    }
}

fn not_connected(target: &Target, why: ConnectError) -> UpstreamError {
    let target = target.name.clone();
    match why {
        ConnectError::Failed(reason) => UpstreamError::Connect { target, reason },
        ConnectError::Denied(reason) => UpstreamError::Denied { target, reason },
        ConnectError::Timeout => UpstreamError::Timeout { target, phase: Phase::Connect },
    }
}

fn no_target(name: &Arc<str>) -> UpstreamError {
    UpstreamError::Connect { target: name.clone(), reason: "it has no target".to_owned() }
}

fn timeout(target: &Target, phase: Phase) -> UpstreamError {
    UpstreamError::Timeout { target: target.name.clone(), phase }
}

fn protocol(target: &Target, why: &hyper::Error) -> UpstreamError {
    UpstreamError::Protocol { target: target.name.clone(), reason: with_sources(why) }
}
