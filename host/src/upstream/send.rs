//! One request to one upstream: whether it may be sent, each attempt, and whether to try again.

use std::{mem, sync::Arc, time::Instant};

use http_body::Body as _;
use tracing::debug;

use super::{
    Phase, Upstream, UpstreamError,
    attempt::{Attempt, Sent},
    breaker::{Breaker, Trial},
    connection::Connection,
    download::{self, Names, Terms},
    hash::Caller,
    lease::Lease,
    limits::Pass,
    outcome::{Answered, Failed, timeout},
    outlier::CHANCE,
    pool::Slot,
    request::{self, HostOf},
    retry::Retry,
    sticky::Session,
    target::Target,
    upload::Upload,
    wait::{Until, Wait},
};
use crate::{
    body::Body,
    config::{Retries, RetryOn},
    heads::{Request, Response},
    message::Asked,
    traces::Calls,
    worker::next_turn,
};

/// A request, and all that it takes to get an answer.
///
/// Whoever waits for the answer keeps this in place and lends it: a future is moved as a whole where
/// it is made, once for each function that it is made in. With the request and all the ways to send
/// it again in every one of them that was 40 KB for each request.
pub struct Call<'a> {
    upstream: &'a Upstream,
    deadline: Instant,
    attempt: Attempt<'a>,
    /// The request's body, if it is streamed.
    upload: Option<Upload>,
    names: Option<Names<'a>>,
    session: Option<Session<'a>>,
    admitted: Result<Admitted<'a>, UpstreamError>,
}

/// What a request holds that may be sent.
#[derive(Default)]
struct Admitted<'a> {
    trial: Option<Trial<'a>>,
    pass: Option<Pass>,
}

impl<'a> Call<'a> {
    /// Notes there which targets are asked.
    pub fn note(&mut self, asked: &'a Asked) {
        self.attempt.asked = Some(asked);
    }

    /// Makes a span of each attempt, which its service is told.
    pub fn trace(&mut self, calls: Option<&'a Calls>) {
        self.attempt.calls = calls;
    }

    /// The route and the request id that the log has, should the response break off.
    pub fn name(&mut self, route: &'a Arc<str>, request: &'a Arc<str>) {
        self.names = Some(Names { route, request });
    }

    /// Waits for the head of the response.
    pub async fn answer(&mut self) -> Result<Response<Body>, UpstreamError> {
        let Self { upstream, deadline, .. } = *self;
        let Admitted { trial, pass } = mem::replace(&mut self.admitted, Ok(Admitted::default()))?;
        if self.upload.is_some() && self.is_of_nothing() {
            // In a box: nearly nobody sends a body like that.
            Box::pin(self.end_of_nothing()).await?;
        }
        // Before a connection is chosen, which is then known to be open as the request is written; and before
        // the service's time begins, for the wait is no fault of its own.
        next_turn().await;
        let idle_timeout = upstream.settings.idle_timeout;
        let outcome = match &upstream.settings.retries {
            None => {
                let until = upstream.until(deadline, self.upload.as_ref());
                upstream
                    .attempt(upstream.slot(), &mut self.attempt, self.upload.as_ref(), until)
                    .await
            }
            // In a box, so that whoever has no retries carries nothing of them.
            Some(retries) => Box::pin(self.retried(retries)).await,
        };
        if let Some(trial) = trial {
            trial.end(&outcome);
        }
        let Answered { mut head, mut lease, index } = outcome.map_err(|failed| failed.why)?;
        if let Some(asked) = self.attempt.asked {
            asked.at(index);
        }
        if let Some(session) = self.session {
            session.settle(index, &mut head);
        }
        lease.pass = pass;
        let first = download::first_frame(&head, &mut lease).await;
        let (upload, names) = (self.upload.take(), self.names);
        Ok(download::received(head, first, lease, Terms { idle_timeout, deadline, upload, names }))
    }

    /// Whether its body has no bytes to come, but for its end.
    fn is_of_nothing(&self) -> bool {
        let is_empty = |request: &Request<Body>| request.body.size_hint().exact() == Some(0);
        self.attempt.request.as_ref().is_some_and(is_empty)
    }

    /// Waits for the end of a body without bytes. Over HTTP/2 it may be that some come all the same,
    /// and then there is no request (RFC 9113, 8.1.1); no connection waits for that.
    async fn end_of_nothing(&mut self) -> Result<(), UpstreamError> {
        let Self { attempt: Attempt { request: Some(request), .. }, upload, .. } = self else {
            return Ok(());
        };
        // Trailers have no place behind a length (RFC 9112, 6.3 and 7.1.2).
        let ended = mem::take(&mut request.body).collect(0).await.map(drop);
        let failure = upload.take().and_then(|upload| upload.failure());
        ended.map_err(|why| UpstreamError::RequestBody(failure.unwrap_or(why)))
    }

    /// As often as it takes, and may.
    async fn retried(&mut self, retries: &Retries) -> Result<Answered, Failed> {
        let Self { upstream, deadline, attempt, upload, .. } = self;
        let (slot, deadline) = (upstream.slot(), *deadline);
        let request = attempt.request.as_mut().ok_or_else(|| upstream.nothing_to_send())?;
        let prepared = Retry::prepare(retries, &upstream.budget, request, upload);
        let mut retry = prepared.await.map_err(Failed::of_client)?;
        loop {
            let hedge = retry.hedge().filter(|_| attempt.favourite.is_none());
            let outcome = match hedge {
                None => {
                    let until = upstream.until(deadline, upload.as_ref());
                    upstream.attempt(slot, attempt, upload.as_ref(), until).await
                }
                Some(hedge) => {
                    // In a box of its own: it is several attempts.
                    Box::pin(upstream.hedged(slot, attempt, &mut retry, hedge, deadline)).await
                }
            };
            let Some((again, pause)) = retry.next(&outcome, attempt.request.take(), deadline)
            else {
                return outcome;
            };
            let failed = match outcome {
                Ok(Answered { head, lease, index }) => {
                    // Most such answers are short: then their connection can be kept.
                    let idle_timeout = upstream.settings.idle_timeout;
                    drop(download::receive(head, lease, idle_timeout, deadline).await);
                    Some(index)
                }
                Err(failed) => failed.target,
            };
            debug!(upstream = %upstream.settings.name, ?pause, "sending it again");
            tokio::time::sleep(pause).await;
            attempt.begin_anew(failed, upstream.targets.len());
            attempt.request = Some(again);
        }
    }
}

impl Upstream {
    /// Sends a request to one of the targets and waits for the head of its response, whose body is
    /// held to `deadline` too. The request is origin-form with clean headers.
    ///
    /// Nothing that the service has seen is sent again, but for idempotent requests: on a
    /// connection that turns out to have been closed while it was kept, for that race cannot be
    /// seen beforehand and is no fault of the client's; and where `retries` are configured.
    pub async fn send(
        &self,
        request: Request<Body>,
        deadline: Instant,
    ) -> Result<Response<Body>, UpstreamError> {
        self.call(Caller::default(), request, deadline).answer().await
    }

    /// The same on behalf of a client, which may decide on the target. Nothing is sent yet.
    pub fn call(&self, caller: Caller, mut request: Request<Body>, deadline: Instant) -> Call<'_> {
        let admitted = self.admit();
        let session = self.session(caller, &mut request);
        let upload = Upload::watch(&mut request.body, self.settings.idle_timeout, deadline);
        let host = HostOf::new(&self.settings, &request);
        let mut attempt = Attempt::new(caller.key, host, Vec::new());
        attempt.favourite = session.and_then(|session| session.target);
        attempt.request = Some(request);
        Call { upstream: self, deadline, attempt, upload, names: None, session, admitted }
    }

    /// By the breaker, and under `limits.in_flight`.
    fn admit(&self) -> Result<Admitted<'_>, UpstreamError> {
        let trial = self.blame.breaker.as_ref().map(Breaker::admit).transpose()?;
        Ok(Admitted { trial, pass: self.limits.request()? })
    }

    /// What the client's cookie says, where clients stay with their targets.
    fn session(&self, caller: Caller, request: &mut Request<Body>) -> Option<Session<'_>> {
        let (sticky, https) = (self.sticky.as_ref()?, caller.https?);
        Some(sticky.session(&mut request.head.headers, https))
    }

    /// Sends it once, in the eyes of whoever configures: to the first target that takes a
    /// connection.
    pub(super) async fn attempt(
        &self,
        slot: &Arc<Slot>,
        attempt: &mut Attempt<'_>,
        upload: Option<&Upload>,
        until: Until,
    ) -> Result<Answered, Failed> {
        loop {
            let (index, connection, kept) = self.connection(slot, attempt, until).await?;
            let Some(mut request) = attempt.request.take() else {
                return Err(self.nothing_to_send());
            };
            let target = &self.targets[index];
            attempt.carry_span(&mut request, &connection);
            let spare = self.shape(&mut request, &connection, target, kept, attempt.host);
            let mut lease = Lease::begin(slot, index, connection, request, upload);
            let sent = Instant::now();
            let wait = Wait { since: sent, head: self.settings.head_timeout, until, upload };
            match wait.on(&mut lease).await {
                Ok(Ok(head)) => {
                    target.answered();
                    slot.responded(index, head.status);
                    attempt.end_span(&head);
                    return Ok(Answered { head, lease, index });
                }
                Ok(Err(unanswered)) => {
                    debug!(target = %target.name, kept, error = %unanswered, "not answered");
                    // Of a body that the client broke off nothing can be sent again, and nobody else is to blame.
                    if let Some(failure) = upload.and_then(Upload::failure) {
                        let why = UpstreamError::RequestBody(failure);
                        attempt.fail_span(&why);
                        return Err(Failed::of_client(why));
                    }
                    let sent = Sent { index, target, kept, spare };
                    attempt.again(unanswered, sent).map_err(|why| {
                        slot.unanswered(index, &why);
                        Failed::of(index, why, RetryOn::Reset)
                    })?;
                    if !kept {
                        slot.unanswered(index, &"closed before the request was written");
                    }
                }
                Err(phase) => {
                    let failed = self.late(slot, index, phase, sent, upload);
                    attempt.fail_span(&failed.why);
                    return Err(failed);
                }
            }
        }
    }

    /// An attempt whose time is over.
    fn late(
        &self,
        slot: &Slot,
        index: usize,
        phase: Phase,
        sent: Instant,
        upload: Option<&Upload>,
    ) -> Failed {
        let why = timeout(&self.targets[index], phase);
        let mut failed = Failed::of(index, why, RetryOn::Timeout);
        // A client that sends slowly is not the target's fault.
        let since = upload.map_or(Some(sent), |u| u.ended().map(|end| end.max(sent)));
        let is_total = phase == Phase::Total;
        failed.is_theirs = since.is_some_and(|since| !is_total || since.elapsed() >= CHANCE);
        if failed.is_theirs {
            slot.unanswered(index, &failed.why);
        }
        failed
    }

    /// No attempt begins without its request.
    fn nothing_to_send(&self) -> Failed {
        let reason = "there is no request left to send".to_owned();
        Failed::of_client(UpstreamError::Connect { target: self.settings.name.clone(), reason })
    }

    /// Shapes the request for the connection. Gives a copy of one that may have to be sent again and
    /// would not come back: HTTP/1.1 keeps it until there is a response.
    fn shape(
        &self,
        request: &mut Request<Body>,
        connection: &Connection,
        target: &Target,
        kept: bool,
        host: HostOf,
    ) -> Option<Box<Request<Body>>> {
        match connection {
            Connection::Http1(_) => {
                request::for_http1(request, target, host);
                None
            }
            Connection::Http2(_) => {
                request::for_http2(request, target, self.connector.is_tls(), host);
                // It says which requests the service has not looked at, so this goes for any method.
                kept.then(|| request::copy(request)).flatten().map(Box::new)
            }
        }
    }
}
