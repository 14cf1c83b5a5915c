//! One plugin in its chain: called, timed, counted, and its failures judged by `on_error`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Stop, Why, heard, through, undo::Undo};
use crate::{
    body::Body,
    config::OnErrorAction,
    filter::{Cause, Failure, Filter, Hook, Hooks, Stage as _, Verdict},
    message::{BodySlot, Exchange, Step},
    telemetry::{HookMetrics, Scope},
    traces::{HookCall, Span},
};

/// One plugin of a chain.
pub(super) struct Link<F> {
    pub(super) filter: F,
    pub(super) hooks: Hooks,
    /// Its place in the chain.
    at: usize,
    /// By hook, for those that it has.
    metrics: [Option<HookMetrics>; Hook::ALL.len()],
}

/// How a hook call went that does not stop the pass.
pub(super) enum Ran {
    Next,
    Skipped(Failure),
}

/// A call that runs. Where it is given up, for the client has left, it is a step all the same.
struct Running<'a> {
    plugin: &'a Arc<str>,
    hook: Hook,
    begun: Instant,
    exchange: &'a mut Box<Exchange>,
    is_over: bool,
}

impl<'a> Running<'a> {
    fn begin(
        plugin: &'a Arc<str>,
        hook: Hook,
        begun: Instant,
        exchange: &'a mut Box<Exchange>,
    ) -> Self {
        if let Some(trace) = &mut exchange.trace {
            trace.enter();
        }
        Self { plugin, hook, begun, exchange, is_over: false }
    }

    fn end(mut self) {
        self.is_over = true;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (ended, decision) = (Instant::now(), "left");
        let call = Called { plugin: self.plugin, hook: self.hook, decision, begun: self.begun };
        if let Some(span) = call.note(ended, self.exchange) {
            span.end_at(ended);
        }
    }
}

/// A call that is over, and what came of it.
struct Called<'a> {
    plugin: &'a Arc<str>,
    hook: Hook,
    decision: &'static str,
    begun: Instant,
}

impl Called<'_> {
    /// Makes it a step of the exchange; and a span, where it is traced.
    fn note(self, ended: Instant, exchange: &mut Exchange) -> Option<Span> {
        let Self { plugin, hook, decision, begun } = self;
        let (hook, took) = (hook.name(), ended - begun);
        exchange.trail.push(Step { plugin: plugin.clone(), hook, took, decision });
        let trace = exchange.trace.as_mut()?;
        Some(trace.leave(HookCall { plugin, hook, decision, began: begun }))
    }
}

/// Says why a plugin's call failed, as its log line does.
pub(super) fn blame(span: &mut Span, failure: &Failure) {
    span.fail(failure.cause.label(), &failure.cause.to_string());
}

impl<F: Filter> Link<F> {
    pub(super) fn new(filter: F, at: usize, route: &str, scope: &Arc<Scope>) -> Self {
        let hooks = filter.hooks();
        let metrics = Hook::ALL
            .map(|hook| hooks.has(hook).then(|| scope.hook(filter.name(), route, hook.name())));
        Self { filter, hooks, at, metrics }
    }

    pub(super) async fn request_body(
        &self,
        at: usize,
        bytes: Bytes,
        exchange: &mut Box<Exchange>,
    ) -> Result<Bytes, Stop> {
        exchange.request_body = BodySlot::whole(bytes.clone());
        let ran = self.run(Hook::RequestBody, exchange).await;
        let bytes = after(std::mem::take(&mut exchange.request_body), bytes, &ran);
        ran.map(|_| bytes).map_err(|why| Stop { at, why })
    }

    pub(super) async fn response_body(
        &self,
        at: usize,
        bytes: Bytes,
        exchange: &mut Box<Exchange>,
    ) -> Result<Bytes, Stop> {
        exchange.response_body = BodySlot::whole(bytes.clone());
        let ran = self.run(Hook::ResponseBody, exchange).await;
        let bytes = after(std::mem::take(&mut exchange.response_body), bytes, &ran);
        ran.map(|_| bytes).map_err(|why| Stop { at, why })
    }

    /// Begins a stream hook; gives the body behind it, and whether that is another one.
    pub(super) async fn stream(
        &self,
        hook: Hook,
        at: usize,
        body: Body,
        exchange: &mut Box<Exchange>,
    ) -> Result<(Body, bool), Stop> {
        exchange.at = self.at;
        let (listens, mut on_error) = (self.filter.listens(hook), self.on_error(hook));
        if !listens {
            // A body must not pass untransformed: `skip` is no way out here either.
            on_error = on_error.or_deny();
        }
        let undo = (on_error == OnErrorAction::Skip).then(|| Box::new(Undo::of(exchange)));
        let started = Instant::now();
        let running = Running::begin(self.filter.name(), hook, started, exchange);
        let opened = self.filter.open(hook, running.exchange).await;
        running.end();
        let opened = match opened {
            // Nobody asks an empty body for its end.
            Ok(Some(stage)) if listens && heard::has_ended(&body) => {
                stage.finish().await.map(|_| None)
            }
            opened => opened,
        };
        let ended = Instant::now();
        let decision = match (&opened, &undo) {
            (Ok(_), _) => "next",
            (Err(_), Some(_)) => "skipped",
            (Err(_), None) => "failed",
        };
        let called = Called { plugin: self.filter.name(), hook, decision, begun: started };
        let mut span = called.note(ended, exchange);
        if let (Some(span), Err(failure)) = (&mut span, &opened) {
            blame(span, failure);
        }
        let metrics = self.metrics[hook as usize].clone();
        let mut skipped = None;
        let outcome = match (opened, undo) {
            (Ok(None), _) => Ok((body, false)),
            (Ok(Some(stage)), _) => {
                let (route, request) = (exchange.route.clone(), exchange.id.clone());
                let trace = exchange.trace_id();
                // Its work has only begun.
                let span = span.take().map(Box::new);
                let label = through::Label { route, request, trace, metrics, on_error, at, span };
                let body = match listens {
                    true => heard::heard(body, stage, label),
                    false => through::through(body, stage, label),
                };
                Ok((body, !listens))
            }
            (Err(failure), Some(undo)) => {
                undo.apply(exchange);
                log_skip(&failure, exchange);
                skipped = Some(failure);
                Ok((body, false))
            }
            (Err(failure), None) => {
                let status = status_of(on_error, &failure);
                Err(Stop { at, why: Why::Failed(failure, status) })
            }
        };
        if let Some(span) = span {
            span.end_at(ended);
        }
        let ran = match (&outcome, skipped) {
            (Err(stop), _) => Err(&stop.why),
            (Ok(_), Some(failure)) => Ok(Ran::Skipped(failure)),
            (Ok(_), None) => Ok(Ran::Next),
        };
        self.account_stream(hook, ended - started, ran);
        outcome
    }

    fn account_stream(&self, hook: Hook, took: Duration, ran: Result<Ran, &Why>) {
        let Some(metrics) = &self.metrics[hook as usize] else { return };
        metrics.seconds.observe(took);
        match ran {
            Err(Why::Failed(failure, status)) => metrics.failed(failure.cause.label(), *status),
            Ok(Ran::Skipped(failure)) => metrics.skipped(failure.cause.label()),
            _ => drop(metrics.next.inc()),
        }
    }

    /// One hook call, timed and counted, and what `on_error` makes of a failure.
    pub(super) async fn run(&self, hook: Hook, exchange: &mut Box<Exchange>) -> Result<Ran, Why> {
        self.run_from(&mut Instant::now(), hook, exchange).await
    }

    /// The same of several, one after the other: where one has ended the next begins, and the time is asked once.
    pub(super) async fn run_from(
        &self,
        begun: &mut Instant,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Result<Ran, Why> {
        let on_error = self.on_error(hook);
        // A plugin that is passed over must leave nothing behind, so its failure is undone.
        let undo = (on_error == OnErrorAction::Skip).then(|| Box::new(Undo::of(exchange)));
        exchange.at = self.at;
        let running = Running::begin(self.filter.name(), hook, *begun, exchange);
        let answer = self.filter.call(hook, running.exchange).await;
        running.end();
        let ended = Instant::now();
        let started = std::mem::replace(begun, ended);
        let (decision, outcome) = match (answer, undo) {
            (Ok(Verdict::Next), _) => ("next", Ok(Ran::Next)),
            (Ok(Verdict::Respond(reply)), _) => ("respond", Err(Why::Reply(reply))),
            (Err(failure), Some(undo)) => {
                undo.apply(exchange);
                log_skip(&failure, exchange);
                ("skipped", Ok(Ran::Skipped(failure)))
            }
            (Err(failure), None) => {
                let status = status_of(on_error, &failure);
                ("failed", Err(Why::Failed(failure, status)))
            }
        };
        self.account(hook, ended - started, &outcome);
        let called = Called { plugin: self.filter.name(), hook, decision, begun: started };
        if let Some(mut span) = called.note(ended, exchange) {
            match &outcome {
                Ok(Ran::Skipped(failure)) | Err(Why::Failed(failure, _)) => {
                    blame(&mut span, failure);
                }
                Err(Why::Reply(reply)) => {
                    span.set("http.response.status_code", reply.status.as_u16());
                }
                _ => {}
            }
            span.end_at(ended);
        }
        outcome
    }

    fn on_error(&self, hook: Hook) -> OnErrorAction {
        match hook {
            Hook::ResponseHead | Hook::ResponseBody | Hook::ResponseStream => {
                self.filter.on_error().response
            }
            Hook::RequestHead | Hook::RequestBody | Hook::RequestStream => {
                self.filter.on_error().request
            }
            // Without a reply there is nothing to go on with.
            Hook::Handler => self.filter.on_error().request.or_deny(),
        }
    }

    /// A body hook that cannot have its body has failed. It must not pass unread, so `skip` is no
    /// way out.
    pub(super) fn refuse_endless(&self, hook: Hook, kind: String, at: usize) -> Stop {
        let plugin = self.filter.name().clone();
        let failure = Failure { plugin, hook, cause: Cause::Endless(kind) };
        let status = status_of(self.on_error(hook).or_deny(), &failure);
        if let Some(metrics) = &self.metrics[hook as usize] {
            metrics.failed(failure.cause.label(), status);
        }
        Stop { at, why: Why::Failed(failure, status) }
    }

    fn account(&self, hook: Hook, took: Duration, outcome: &Result<Ran, Why>) {
        let Some(metrics) = &self.metrics[hook as usize] else { return };
        metrics.seconds.observe(took);
        match outcome {
            Ok(Ran::Next) => drop(metrics.next.inc()),
            Ok(Ran::Skipped(failure)) => metrics.skipped(failure.cause.label()),
            Err(Why::Reply(reply)) => metrics.responded(reply.status.as_u16()),
            Err(Why::Failed(failure, status)) => metrics.failed(failure.cause.label(), *status),
            // Bodies that could not be read are no hook call.
            Err(Why::RequestBody(_) | Why::ResponseBody(..)) => {}
        }
    }
}

/// A handler that answered `next`.
pub(super) fn no_reply(filter: &impl Filter) -> Failure {
    let cause = Cause::Contract("a handler without a reply".into());
    Failure { plugin: filter.name().clone(), hook: Hook::Handler, cause }
}

/// What a failure is to the client.
pub(super) fn status_of(on_error: OnErrorAction, failure: &Failure) -> u16 {
    match (on_error, &failure.cause) {
        // Too busy is not broken: the client may come again.
        (OnErrorAction::Deny(500), Cause::Busy | Cause::Crowded) => 503,
        (OnErrorAction::Deny(status), _) => status,
        (OnErrorAction::Skip, _) => 500,
    }
}

fn log_skip(failure: &Failure, exchange: &Exchange) {
    let (plugin, route, request) = (&*failure.plugin, &*exchange.route, &*exchange.id);
    let hook = failure.hook.name();
    let trace_id = exchange.trace_id().map(tracing::field::display);
    tracing::warn!(plugin, route, request, trace_id, hook, cause = %failure.cause, "skipped (on_error)");
}

/// The body after a hook: what it wrote, unless it failed and was passed over.
fn after(mut slot: BodySlot, before: Bytes, ran: &Result<Ran, Why>) -> Bytes {
    match (ran, slot.take_whole()) {
        (Ok(Ran::Next), Some((bytes, _))) => bytes,
        _ => before,
    }
}
