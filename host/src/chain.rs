//! The plugins of a route, in order: every request head, then bodies, then (behind the service)
//! heads and bodies backward. A chain knows nothing of HTTP connections or of sandboxes; it calls
//! [`Filter`]s and says where it stopped.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http::header;

use crate::{
    body::{
        Body, BodyError,
        coding::{self, mend_head},
    },
    fields::Fields,
    filter::{Failure, Filter, Hook},
    message::{BodySlot, Exchange, Reply},
    telemetry::Scope,
};

mod heard;
mod held;
mod link;
mod through;
mod undo;

use held::{Held, is_same};
use link::{Link, no_reply};

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
    /// Somebody transforms the request body while it passes.
    pub request_stream: bool,
    /// Somebody reads the whole response body.
    pub response_body: bool,
    /// Somebody transforms the response body while it passes.
    pub response_stream: bool,
    /// Somebody has a hook on the way back.
    pub response: bool,
    /// Index of the handler.
    pub handler: Option<usize>,
}

impl Wants {
    /// Somebody has a hook for response bodies: then services are asked for whole ones, as they are.
    pub fn response_bodies(self) -> bool {
        self.response_body || self.response_stream
    }
}

/// A pass that did not go through.
#[derive(Debug)]
pub struct Stop {
    /// The plugin that stopped it.
    pub at: usize,
    /// Why.
    pub why: Why,
}

/// Whose response hooks see a response: those of the plugins that the request has come by, but for
/// the one that stopped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Back {
    before: usize,
    except: Option<usize>,
}

impl Back {
    /// All plugins before this one, which are all where it is their number.
    pub fn before(at: usize) -> Self {
        Self { before: at, except: None }
    }

    /// All before this one, and not those that had no part in it anyway.
    pub fn narrowed(self, at: usize) -> Self {
        Self { before: at.min(self.before), ..self }
    }

    /// Whether the plugin at this place is among them.
    fn sees(self, at: usize) -> bool {
        at < self.before && Some(at) != self.except
    }
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
    pub fn new(filters: Vec<F>, route: &str, scope: &Arc<Scope>) -> Self {
        let mut wants = Wants::default();
        for (index, filter) in filters.iter().enumerate() {
            let hooks = filter.hooks();
            wants.request_body |= hooks.request_body;
            wants.request_stream |= hooks.request_stream;
            wants.response_body |= hooks.response_body;
            wants.response_stream |= hooks.response_stream;
            wants.response |= hooks.response_head || hooks.response_body || hooks.response_stream;
            wants.handler = wants.handler.or(hooks.handler.then_some(index));
        }
        let links = filters.into_iter().enumerate();
        let links = links.map(|(at, filter)| Link::new(filter, at, route, scope)).collect();
        Self { links, wants }
    }

    /// What its hooks ask for.
    pub fn wants(&self) -> Wants {
        self.wants
    }

    /// Every plugin.
    pub fn all(&self) -> Back {
        Back::before(self.len())
    }

    /// Every plugin but this one: who sees the answer when the request stopped there in the body
    /// phase, for by then all heads had passed.
    pub fn all_but(&self, at: usize) -> Back {
        Back { except: Some(at), ..self.all() }
    }

    /// Its plugins, in order.
    pub fn filters(&self) -> impl Iterator<Item = &F> {
        self.links.iter().map(|link| &link.filter)
    }

    /// How many plugins there are.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// What these plugins change in every request, and every `on-request-head` that is for this one, in order.
    pub async fn request_heads(&self, exchange: &mut Box<Exchange>) -> Result<(), Stop> {
        let mut begun = None;
        for (at, link) in self.links.iter().enumerate() {
            let standing = link.filter.standing();
            standing.change_request(&mut exchange.request.headers, exchange.hop.has_underscores);
            if link.hooks.request_head && standing.is_for(&exchange.request) {
                let begun = begun.get_or_insert_with(Instant::now);
                let ran = link.run_from(begun, Hook::RequestHead, exchange).await;
                ran.map_err(|why| Stop { at, why })?;
            }
        }
        Ok(())
    }

    /// Every `on-request-body`, over the whole body, and every `on-request-stream`, in order.
    pub async fn request_body(
        &self,
        exchange: &mut Box<Exchange>,
        body: Body,
    ) -> Result<Body, Stop> {
        let mut held = Held::Flowing(body);
        let mut touched = false;
        for (at, link) in self.links.iter().enumerate() {
            if link.hooks.request_body && !held.is_empty() {
                let coded = is_coded(Some(&exchange.request.headers));
                let bytes = self.hold_request(at, held, exchange).await?;
                let passed = link.request_body(at, bytes.clone(), exchange).await?;
                touched |= coded || !is_same(&bytes, &passed);
                held = Held::Whole(passed);
            }
            if link.hooks.request_stream && !held.is_empty() {
                if touched {
                    held.describe(&mut exchange.request.headers);
                }
                let (body, opened) =
                    link.stream(Hook::RequestStream, at, held.into(), exchange).await?;
                held = Held::Flowing(body);
                touched |= opened;
            }
        }
        if touched {
            mend_head(&mut exchange.request.headers);
        }
        Ok(held.into())
    }

    /// The whole request body, for the plugin at `at`.
    async fn hold_request(
        &self,
        at: usize,
        held: Held,
        exchange: &mut Exchange,
    ) -> Result<Bytes, Stop> {
        let body = match held {
            Held::Whole(bytes) => return Ok(bytes),
            Held::Flowing(body) => body,
        };
        if let Some(kind) = coding::endless(&exchange.request.headers) {
            return Err(self.links[at].refuse_endless(Hook::RequestBody, kind, at));
        }
        // One body for all of them, so the smallest cap is the one that holds.
        let reads = self.links.iter().filter(|link| link.hooks.request_body);
        let cap = reads.map(|link| link.filter.body_cap()).min().unwrap_or(0);
        // The deadline is for the client alone: a hook that is cut short would keep the exchange,
        // and has limits of its own.
        let deadline = exchange.deadline.into();
        let whole = coding::whole(body, cap, &mut exchange.request.headers);
        let whole = tokio::time::timeout_at(deadline, whole).await;
        let whole = whole.unwrap_or(Err(BodyError::Timeout));
        whole.map_err(|error| Stop { at, why: Why::RequestBody(error) })
    }

    /// The handler's reply.
    pub async fn handle(&self, exchange: &mut Box<Exchange>, body: Body) -> Result<Reply, Stop> {
        let Some(at) = self.wants.handler else { unreachable!("asked only where there is one") };
        exchange.request_body =
            BodySlot::OnDemand { rest: Some(body), read: bytes::BytesMut::new(), broken: None };
        let ran = self.links[at].run(Hook::Handler, exchange).await;
        exchange.request_body = BodySlot::Closed;
        match ran {
            Err(Why::Reply(reply)) => Ok(*reply),
            Err(why) => Err(Stop { at, why }),
            Ok(_) => Err(Stop { at, why: Why::Failed(no_reply(&self.links[at].filter), 500) }),
        }
    }

    /// What these plugins change in every response, what their request hooks want changed in this one, and every
    /// `on-response-head` of theirs, backward.
    pub async fn response_heads(
        &self,
        exchange: &mut Box<Exchange>,
        back: Back,
    ) -> Result<(), Stop> {
        let seeing = |(at, _): &(usize, &Link<F>)| back.sees(*at);
        let mut begun = None;
        for (at, link) in self.links.iter().enumerate().rev().filter(seeing) {
            if let Some(head) = &mut exchange.response {
                link.filter.standing().change_response(&mut head.headers);
                exchange.ahead.make(at, &mut head.headers);
            }
            if link.hooks.response_head {
                let begun = begun.get_or_insert_with(Instant::now);
                let ran = link.run_from(begun, Hook::ResponseHead, exchange).await;
                ran.map_err(|why| Stop { at, why })?;
            }
        }
        Ok(())
    }

    /// Whether any plugin reads or transforms the request body.
    pub fn reads_request(&self) -> bool {
        self.wants.request_body || self.wants.request_stream
    }

    /// Whether any of these plugins reads or transforms the response body.
    pub fn reads_response(&self, back: Back) -> bool {
        let reads = |link: &Link<F>| link.hooks.response_body || link.hooks.response_stream;
        self.wants.response_bodies()
            && self.links.iter().enumerate().any(|(at, link)| back.sees(at) && reads(link))
    }

    /// Whether any of these plugins may make another body of the response's.
    pub fn changes_response(&self, back: Back) -> bool {
        let changes = |link: &Link<F>| {
            link.hooks.response_body
                || link.hooks.response_stream && !link.filter.listens(Hook::ResponseStream)
        };
        self.links.iter().enumerate().any(|(at, link)| back.sees(at) && changes(link))
    }

    /// Every `on-response-body`, over the whole body, and every `on-response-stream` of these
    /// plugins, backward.
    pub async fn response_body(
        &self,
        exchange: &mut Box<Exchange>,
        body: Body,
        back: Back,
    ) -> Result<Body, Stop> {
        let mut held = Held::Flowing(body);
        let mut touched = false;
        let seeing = |(at, _): &(usize, &Link<F>)| back.sees(*at);
        for (at, link) in self.links.iter().enumerate().rev().filter(seeing) {
            // Also an empty one: a plugin may have something to say in its place.
            if link.hooks.response_body {
                let coded = is_coded(exchange.response.as_ref().map(|head| &head.headers));
                let bytes = self.hold_response(at, back, held, exchange).await?;
                let passed = link.response_body(at, bytes.clone(), exchange).await?;
                touched |= coded || !is_same(&bytes, &passed);
                held = Held::Whole(passed);
            }
            let hears = link.hooks.response_stream && link.filter.listens(Hook::ResponseStream);
            if link.hooks.response_stream && (hears || !held.is_empty()) {
                if let (true, Some(head)) = (touched, &mut exchange.response) {
                    held.describe(&mut head.headers);
                }
                let (body, opened) =
                    link.stream(Hook::ResponseStream, at, held.into(), exchange).await?;
                held = Held::Flowing(body);
                touched |= opened;
            }
        }
        if let (true, Some(head)) = (touched, &mut exchange.response) {
            mend_head(&mut head.headers);
        }
        Ok(held.into())
    }

    /// The whole response body, for the plugin at `at`.
    async fn hold_response(
        &self,
        at: usize,
        back: Back,
        held: Held,
        exchange: &mut Exchange,
    ) -> Result<Bytes, Stop> {
        let body = match held {
            Held::Whole(bytes) => return Ok(bytes),
            Held::Flowing(body) => body,
        };
        let Some(head) = &mut exchange.response else { return Ok(Bytes::new()) };
        if let Some(kind) = coding::endless(&head.headers) {
            return Err(self.links[at].refuse_endless(Hook::ResponseBody, kind, at));
        }
        let reads = |(at, link): &(usize, &Link<F>)| link.hooks.response_body && back.sees(*at);
        let readers = self.links.iter().enumerate().filter(reads);
        let cap = readers.map(|(_, link)| link.filter.body_cap()).min().unwrap_or(0);
        coding::whole(body, cap, &mut head.headers).await.map_err(|error| {
            // A body that they cannot read must not pass unread: `skip` is no way out here.
            Stop { at, why: Why::ResponseBody(error, 502) }
        })
    }
}

/// Whether a body has a coding, which is undone for whoever reads it whole.
fn is_coded(headers: Option<&Fields>) -> bool {
    headers.is_some_and(|headers| headers.contains(header::CONTENT_ENCODING))
}

#[cfg(test)]
mod tests;
