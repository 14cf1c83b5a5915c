//! The plugins of a route, in order: every request head, then bodies, then (behind the service)
//! heads and bodies backward. A chain knows nothing of HTTP connections or of sandboxes; it calls
//! [`Filter`]s and says where it stopped.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    body::{Body, BodyError},
    config::OnErrorAction,
    filter::{Failure, Filter, Hook, Hooks, Verdict},
    message::{BodySlot, Exchange, Reply, Step},
    telemetry::{HookMetrics, Telemetry},
};

mod coding;

pub use coding::{decode, mend_head};

/// The plugins of one route.
pub struct Chain<F> {
    links: Vec<Link<F>>,
    wants: Wants,
}

/// What the hooks of a chain ask for, seen once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    /// Somebody reads the whole request body.
    pub request_body: bool,
    /// Somebody reads the whole response body.
    pub response_body: bool,
    /// Index of the handler.
    pub handler: Option<usize>,
}

struct Link<F> {
    filter: F,
    hooks: Hooks,
    /// By hook, for those that it has.
    metrics: [Option<HookMetrics>; 5],
}

/// A pass that did not go through.
#[derive(Debug)]
pub struct Stop {
    /// The plugin that stopped it. The response hooks of those before it see the reply.
    pub at: usize,
    /// Why.
    pub why: Why,
}

/// Why a pass stopped.
#[derive(Debug)]
pub enum Why {
    /// The plugin replies. Boxed: what passes through should not pay for what stops.
    Reply(Box<Reply>),
    /// The plugin failed, and its `on_error` says this status.
    Failed(Failure, u16),
    /// The request body could not be read for it.
    RequestBody(BodyError),
    /// The response body could not be read for it, and its `on_error` says this status.
    ResponseBody(BodyError, u16),
}

impl<F: Filter> Chain<F> {
    /// A chain of these filters on one route.
    pub fn new(filters: Vec<F>, route: &str, telemetry: &Arc<Telemetry>) -> Self {
        let mut wants = Wants::default();
        for (index, filter) in filters.iter().enumerate() {
            let hooks = filter.hooks();
            wants.request_body |= hooks.request_body;
            wants.response_body |= hooks.response_body;
            wants.handler = wants.handler.or(hooks.handler.then_some(index));
        }
        let links = filters.into_iter().map(|filter| Link::new(filter, route, telemetry)).collect();
        Self { links, wants }
    }

    /// What its hooks ask for.
    pub fn wants(&self) -> Wants {
        self.wants
    }

    /// How many plugins there are.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Every `on-request-head`, in order.
    pub async fn request_heads(&self, exchange: &mut Box<Exchange>) -> Result<(), Stop> {
        for (at, link) in self.links.iter().enumerate() {
            if link.hooks.request_head {
                link.run(Hook::RequestHead, exchange).await.map_err(|why| Stop { at, why })?;
            }
        }
        Ok(())
    }

    /// Every `on-request-body`, in order, over the whole body.
    pub async fn request_body(
        &self,
        exchange: &mut Box<Exchange>,
        body: Body,
    ) -> Result<Body, Stop> {
        let reads = |link: &&Link<F>| link.hooks.request_body;
        let Some(first) = self.links.iter().position(|link| reads(&link)) else { return Ok(body) };
        if let Some(kind) = coding::endless(&exchange.request.headers) {
            return Err(self.links[first].refuse_endless(Hook::RequestBody, kind, first));
        }
        // One body for all of them, so the smallest cap is the one that holds.
        let cap = self.links.iter().filter(reads).map(|l| l.filter.body_cap()).min().unwrap_or(0);
        let whole = coding::whole(body, cap, &mut exchange.request.headers).await;
        let mut bytes = whole.map_err(|e| Stop { at: first, why: Why::RequestBody(e) })?;
        if bytes.is_empty() {
            return Ok(Body::Empty);
        }
        for (at, link) in self.links.iter().enumerate().filter(|(_, link)| reads(link)) {
            let slot = |x: &mut Exchange| std::mem::take(&mut x.request_body);
            exchange.request_body = BodySlot::whole(bytes.clone());
            let ran = link.run(Hook::RequestBody, exchange).await;
            bytes = after(slot(exchange), bytes, &ran);
            ran.map_err(|why| Stop { at, why })?;
        }
        mend_head(&mut exchange.request.headers);
        Ok(bytes.into())
    }

    /// The handler's reply.
    pub async fn handle(&self, exchange: &mut Box<Exchange>, body: Body) -> Result<Reply, Stop> {
        let Some(at) = self.wants.handler else { unreachable!("asked only where there is one") };
        exchange.request_body =
            BodySlot::OnDemand { rest: Some(body), read: bytes::BytesMut::new() };
        let ran = self.links[at].run(Hook::Handler, exchange).await;
        exchange.request_body = BodySlot::Closed;
        match ran {
            Err(Why::Reply(reply)) => Ok(*reply),
            Err(why) => Err(Stop { at, why }),
            Ok(_) => Err(Stop { at, why: Why::Failed(no_reply(&self.links[at].filter), 500) }),
        }
    }

    /// Every `on-response-head` of the plugins before `from`, backward.
    pub async fn response_heads(
        &self,
        exchange: &mut Box<Exchange>,
        from: usize,
    ) -> Result<(), Stop> {
        for (at, link) in self.links[..from].iter().enumerate().rev() {
            if link.hooks.response_head {
                link.run(Hook::ResponseHead, exchange).await.map_err(|why| Stop { at, why })?;
            }
        }
        Ok(())
    }

    /// Whether any plugin before `from` reads the whole response body.
    pub fn reads_response(&self, from: usize) -> bool {
        self.wants.response_body && self.links[..from].iter().any(|l| l.hooks.response_body)
    }

    /// Every `on-response-body` of the plugins before `from`, backward, over the whole body.
    pub async fn response_body(
        &self,
        exchange: &mut Box<Exchange>,
        body: Body,
        from: usize,
    ) -> Result<Body, Stop> {
        let links = &self.links[..from];
        let reads = |link: &&Link<F>| link.hooks.response_body;
        let Some(last) = links.iter().rposition(|link| reads(&link)) else { return Ok(body) };
        let cap = links.iter().filter(reads).map(|l| l.filter.body_cap()).min().unwrap_or(0);
        let Some(head) = &mut exchange.response else { return Ok(body) };
        if let Some(kind) = coding::endless(&head.headers) {
            return Err(links[last].refuse_endless(Hook::ResponseBody, kind, last));
        }
        let mut bytes = coding::whole(body, cap, &mut head.headers).await.map_err(|error| {
            // A body that they cannot read must not pass unread: `skip` is no way out here.
            Stop { at: last, why: Why::ResponseBody(error, 502) }
        })?;
        for (at, link) in links.iter().enumerate().rev().filter(|(_, link)| reads(link)) {
            exchange.response_body = BodySlot::whole(bytes.clone());
            let ran = link.run(Hook::ResponseBody, exchange).await;
            bytes = after(std::mem::take(&mut exchange.response_body), bytes, &ran);
            ran.map_err(|why| Stop { at, why })?;
        }
        if let Some(head) = &mut exchange.response {
            mend_head(&mut head.headers);
        }
        Ok(bytes.into())
    }
}

/// The body after a hook: what it wrote, unless it failed and was passed over.
fn after(mut slot: BodySlot, before: Bytes, ran: &Result<Ran, Why>) -> Bytes {
    match (ran, slot.take_whole()) {
        (Ok(Ran::Next), Some((bytes, _))) => bytes,
        _ => before,
    }
}

/// How a hook call went that does not stop the pass.
enum Ran {
    Next,
    Skipped(Failure),
}

impl<F: Filter> Link<F> {
    fn new(filter: F, route: &str, telemetry: &Arc<Telemetry>) -> Self {
        let hooks = filter.hooks();
        let metrics = Hook::ALL
            .map(|hook| hooks.has(hook).then(|| telemetry.hook(filter.name(), route, hook.name())));
        Self { filter, hooks, metrics }
    }

    /// One hook call, timed and counted, and what `on_error` makes of a failure.
    async fn run(&self, hook: Hook, exchange: &mut Box<Exchange>) -> Result<Ran, Why> {
        let on_error = self.on_error(hook);
        // A plugin that is passed over must leave nothing behind, so its failure is undone.
        let undo = (on_error == OnErrorAction::Skip).then(|| Undo::of(exchange));
        let started = Instant::now();
        let answer = self.filter.call(hook, exchange).await;
        let took = started.elapsed();
        let (decision, outcome) = match (answer, undo) {
            (Ok(Verdict::Next), _) => ("next", Ok(Ran::Next)),
            (Ok(Verdict::Respond(reply)), _) => ("respond", Err(Why::Reply(Box::new(reply)))),
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
        self.account(hook, took, &outcome);
        let plugin = self.filter.name().clone();
        exchange.trail.push(Step { plugin, hook: hook.name(), took, decision });
        outcome
    }

    fn on_error(&self, hook: Hook) -> OnErrorAction {
        match hook {
            Hook::ResponseHead | Hook::ResponseBody => self.filter.on_error().response,
            Hook::RequestHead | Hook::RequestBody => self.filter.on_error().request,
            // Without a reply there is nothing to go on with.
            Hook::Handler => self.filter.on_error().request.or_deny(),
        }
    }

    /// A body hook that cannot have its body has failed. It must not pass unread, so `skip` is no
    /// way out.
    fn refuse_endless(&self, hook: Hook, kind: String, at: usize) -> Stop {
        let plugin = self.filter.name().clone();
        let failure = Failure { plugin, hook, cause: crate::filter::Cause::Endless(kind) };
        let status = status_of(self.on_error(hook).or_deny(), &failure);
        if let Some(metrics) = &self.metrics[hook as usize] {
            metrics.failed(failure.cause.label(), status);
        }
        Stop { at, why: Why::Failed(failure, status) }
    }

    fn account(&self, hook: Hook, took: Duration, outcome: &Result<Ran, Why>) {
        let Some(metrics) = &self.metrics[hook as usize] else { return };
        metrics.seconds.observe(took.as_secs_f64());
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

fn no_reply(filter: &impl Filter) -> Failure {
    let cause = crate::filter::Cause::Contract("a handler without a reply".into());
    Failure { plugin: filter.name().clone(), hook: Hook::Handler, cause }
}

fn status_of(on_error: OnErrorAction, failure: &Failure) -> u16 {
    match (on_error, &failure.cause) {
        // Too busy is not broken: the client may come again.
        (OnErrorAction::Deny(500), crate::filter::Cause::Busy) => 503,
        (OnErrorAction::Deny(status), _) => status,
        (OnErrorAction::Skip, _) => 500,
    }
}

fn log_skip(failure: &Failure, exchange: &Exchange) {
    let (plugin, route, request) = (&*failure.plugin, &*exchange.route, &*exchange.id);
    let hook = failure.hook.name();
    tracing::warn!(plugin, route, request, hook, cause = %failure.cause, "skipped (on_error)");
}

/// The parts of an exchange that a plugin can change, as they were.
struct Undo {
    request: http::HeaderMap,
    response: Option<(http::StatusCode, http::HeaderMap)>,
    set_path: Option<String>,
    set_query: Option<Option<String>>,
    upstream: usize,
    attributes: crate::message::Attributes,
}

impl Undo {
    fn of(exchange: &Exchange) -> Self {
        Self {
            request: exchange.request.headers.clone(),
            response: exchange.response.as_ref().map(|r| (r.status, r.headers.clone())),
            set_path: exchange.set_path.clone(),
            set_query: exchange.set_query.clone(),
            upstream: exchange.upstream,
            attributes: exchange.attributes.clone(),
        }
    }

    fn apply(self, exchange: &mut Exchange) {
        exchange.request.headers = self.request;
        if let (Some(head), Some((status, headers))) = (&mut exchange.response, self.response) {
            (head.status, head.headers) = (status, headers);
        }
        exchange.set_path = self.set_path;
        exchange.set_query = self.set_query;
        exchange.upstream = self.upstream;
        exchange.attributes = self.attributes;
    }
}

#[cfg(test)]
mod tests;
