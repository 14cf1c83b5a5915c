//! One request, head to tail: route, chain, upstream, chain, response.

mod admit;
mod answer;
mod claims;
mod client;
mod crowd;
mod forward;
mod hop;
mod ids;
mod in_flight;
mod mirror;
mod snapshot;
mod split;
mod target;
mod traced;
mod trail;
mod upgrade;
mod via;
mod watch;

use admit::Admitted;
pub use answer::Answer;
use crowd::Crowds;
use in_flight::{InFlight, OpenTunnel};
pub use mirror::Mirror;
use snapshot::Course;
pub use snapshot::{RouteInService, Snapshot};
pub use split::Split;
use traced::Serving;
use trail::Trail;
use upgrade::{Tunnel, Wish};
use via::Via;
pub use via::via_name;
use watch::Watch;

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use http::{StatusCode, Version, header};
use http_body::Body as _;
use tracing::{debug, error, info};

use crate::{
    access_log::{self, Entry},
    body::{Body, BodyError},
    chain::{Back, Stop},
    config::ListenLimits,
    heads::{Request, Response, ResponseHead},
    memory::boxed,
    message::{Exchange, Reply, TlsSession},
    rescue::{Logged, Trouble, in_grpc, rescue},
    telemetry::Telemetry,
    upstream::{Caller, Switched, UpstreamError},
};

/// Serves requests with the configuration of the moment.
pub struct Proxy {
    snapshot: Arc<ArcSwap<Snapshot>>,
    telemetry: Arc<Telemetry>,
    via: Via,
    crowds: Crowds,
}

/// Where a request came in.
pub struct Entrance {
    /// The listener's name.
    pub listener: Arc<str>,
    /// Its limits.
    pub limits: ListenLimits,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Vec<crate::config::Network>,
    /// Its requests whose answer has not begun, and its tunnels; a reload goes on with the same.
    pub in_flight: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy over a configuration that may be swapped.
    pub fn new(snapshot: Arc<ArcSwap<Snapshot>>, telemetry: Arc<Telemetry>, via: Arc<str>) -> Self {
        Self { snapshot, telemetry, via: Via::new(via), crowds: Crowds::default() }
    }

    /// A count of what a listener serves, for its [`Entrance`].
    pub fn served(&self) -> Arc<AtomicUsize> {
        self.telemetry.served()
    }

    /// One request, head to tail.
    pub async fn serve(
        &self,
        request: Request<Body>,
        entrance: Arc<Entrance>,
        peer: SocketAddr,
        tls: Option<Arc<TlsSession>>,
    ) -> Response<Body> {
        let in_flight = InFlight::enter(&entrance);
        // The whole exchange runs on the configuration that it began with.
        let snapshot = self.snapshot.load_full();
        let (head, body) = request.into_parts();
        let (body, request_bytes) = self.observe(&snapshot, body);
        let mut exchange = admit::begin(head, peer, tls, &entrance);
        if body.is_end_stream() {
            admit::say_none(&mut exchange.request);
        }
        traced::place(&snapshot, &mut exchange);
        let mut watch = Watch::new(&snapshot, &mut exchange, &request_bytes);
        let admitted = match in_flight.count > entrance.limits.requests {
            true => Err(Trouble::Overloaded),
            false => self.admit(&snapshot, watch.exchange, &entrance),
        };
        let (route, answered) = match admitted {
            Ok(admitted) => {
                let route = admitted.course.route;
                watch.found(route);
                // In a box: whoever waits for it is moved as a whole, more than once.
                let exchange = boxed(|| self.exchange(admitted, watch.exchange, body));
                (route, Box::into_pin(exchange).await)
            }
            Err(trouble) => {
                let body = self.answer(trouble, watch.exchange);
                (&snapshot.unrouted, self.respond(watch.exchange, body))
            }
        };
        watch.answered();
        let Answered { response, tunnel } = answered;
        self.account(route, &exchange, response.head.status);
        let head = &response.head;
        let serving = traced::served(&mut exchange, route, head.status, &head.headers);
        let entry = snapshot.access_log.as_ref().map(|log| {
            let entry =
                log.entry(exchange, request_bytes, response.head.status, &response.head.headers);
            entry.at(|exchange| route.target(exchange))
        });
        let response = match (tunnel, entry) {
            (Some(tunnel), entry) => {
                self.dig(tunnel, entry, serving, &entrance);
                return response;
            }
            (None, Some(entry)) => response.map(|body| entry.follow(body)),
            (None, None) => response,
        };
        match serving {
            Some(serving) => response.map(|body| serving.follow(body)),
            None => response,
        }
    }

    /// The answer to what is no request, which is counted and written down like one. Of whom it is from only the
    /// connection is known.
    pub fn refuse(
        &self,
        trouble: Trouble,
        peer: SocketAddr,
        tls: Option<Arc<TlsSession>>,
    ) -> Response<Body> {
        let snapshot = self.snapshot.load_full();
        let mut exchange = admit::unread(peer, tls);
        let body = self.answer(trouble, &mut exchange);
        let response = self.respond(&mut exchange, body).response;
        let status = response.head.status;
        snapshot.unrouted.metrics.answered(status.as_u16(), exchange.started.elapsed());
        match &snapshot.access_log {
            None => response,
            Some(log) => {
                let entry = log.unread(exchange, status, &response.head.headers);
                response.map(|body| entry.follow(body))
            }
        }
    }

    /// The chain, the service, and the chain again.
    async fn exchange(
        &self,
        admitted: Admitted<'_>,
        exchange: &mut Box<Exchange>,
        body: Body,
    ) -> Answered {
        let course = admitted.course;
        let mut switched = None;
        let (mut body, mut back) = match self.toward(admitted, exchange, body).await {
            Ok(Reached { head, body, switch }) => {
                exchange.response = Some(head);
                switched = switch;
                (body, course.chain.all())
            }
            Err((trouble, back)) => (self.answer(trouble, exchange), back),
        };
        // Backward. A response hook that replies or fails puts its answer in the place of what
        // there was, and the pass goes on with the plugins before it.
        loop {
            let passed = match course.chain.is_empty() {
                true => Ok(std::mem::take(&mut body)),
                false => self.back(course, exchange, std::mem::take(&mut body), back).await,
            };
            match passed {
                Ok(passed) => {
                    let mut answered = self.respond(exchange, passed);
                    if let Some(switched) = switched {
                        answered.switch(switched, exchange, course.route.upgrade_idle);
                    }
                    let is_open = answered.response.head.status.is_success();
                    if exchange.hop.is_connect && answered.tunnel.is_none() && is_open {
                        // A 2xx would say that there is a tunnel (RFC 9110, 9.3.6).
                        let body = self.answer(Trouble::UnwantedSwitch, exchange);
                        answered = self.respond(exchange, body);
                    }
                    return answered;
                }
                Err(Stop { at, why }) => {
                    body = self.answer(Trouble::Chain(why), exchange);
                    back = back.narrowed(at);
                }
            }
        }
    }

    /// Request hooks, then the handler or the upstream. An error says which plugins' response
    /// hooks are to see the answer.
    async fn toward(
        &self,
        Admitted { course, astray }: Admitted<'_>,
        exchange: &mut Box<Exchange>,
        body: Body,
    ) -> Result<Reached, (Trouble, Back)> {
        let (chain, all) = (course.chain, course.chain.all());
        let stopped = |stop: Stop| (Trouble::Chain(stop.why), Back::before(stop.at));
        // Without plugins there is not even a future to be made.
        if !chain.is_empty() {
            chain.request_heads(exchange).await.map_err(stopped)?;
        }
        if let Some(trouble) = astray {
            return Err((trouble, all));
        }
        let body = forward::capped(body, course.route.max_body);
        let body = body.map_err(|trouble| (trouble, all))?;
        let body = match chain.reads_request() {
            false => body,
            true => chain
                .request_body(exchange, body)
                .await
                .map_err(|Stop { at, why }| (Trouble::Chain(why), chain.all_but(at)))?,
        };
        if chain.wants().handler.is_some() {
            let reply = chain.handle(exchange, body).await.map_err(stopped)?;
            let (head, body) = parts_of(reply);
            return Ok(Reached { head, body, switch: None });
        }
        if let Some(answer) = &course.route.answer {
            let reply = answer.reply(exchange).map_err(|trouble| (trouble, all))?;
            let (head, body) = parts_of(reply);
            return Ok(Reached { head, body, switch: None });
        }
        let mut wish = upgrade::wish(course.route, exchange, &body);
        // What an upgraded connection will carry is no request body.
        let body = if wish.is_some() { Body::Empty } else { body };
        let upstream = course.route.upstream(exchange);
        let caller = Caller::of(upstream, exchange);
        // It takes the fields, which may say another trace.
        let calls = traced::goes_on(exchange).map(|trace| trace.calls());
        let request = self.outgoing(course, exchange, body, wish.as_mut());
        let called = Instant::now();
        exchange.called = Some(called);
        let mut call = upstream.call(caller, request, exchange.deadline);
        call.note(&exchange.asked);
        call.name(&exchange.route, &exchange.id);
        call.trace(calls.as_deref());
        let answer = call.answer().await;
        drop(call);
        let took = called.elapsed();
        upstream.ended(&answer, took);
        exchange.upstream_took = Some(took);
        let response = answer.map_err(|error| {
            let back = match &error {
                UpstreamError::RequestBody(BodyError::Plugin { at, .. }) => chain.all_but(*at),
                _ => all,
            };
            (Trouble::Upstream(error), back)
        })?;
        let (mut head, body) = response.into_parts();
        let switch = switched(wish, &mut head).map_err(|trouble| (trouble, all))?;
        hop::take_reply_hop(&mut head, exchange.request.version);
        if chain.wants().response_bodies() {
            // It would be asked for ranges in vain: `forward` has taken the wish off.
            head.headers.remove(header::ACCEPT_RANGES);
        }
        Ok(Reached { head, body, switch })
    }

    /// The request as the service gets it, once it was copied for whoever else is to have it.
    fn outgoing(
        &self,
        course: Course<'_>,
        exchange: &mut Exchange,
        body: Body,
        wish: Option<&mut Wish>,
    ) -> Request<Body> {
        let is_switch = wish.is_some();
        let mirror = course.route.mirror.as_ref().map(|mirror| {
            let calls = traced::goes_on(exchange).map(|trace| trace.mirrored());
            (mirror, mirror.caller(exchange), calls)
        });
        let mut request = forward::request(course, exchange, body, &self.via, wish);
        if let Some((mirror, caller, calls)) = mirror {
            mirror.unmark(&mut request);
            if !is_switch {
                mirror.copy(&mut request, caller, calls, &course.route.upstreams);
            }
        }
        request
    }

    async fn back(
        &self,
        course: Course<'_>,
        exchange: &mut Box<Exchange>,
        body: Body,
        back: Back,
    ) -> Result<Body, Stop> {
        course.chain.response_heads(exchange, back).await?;
        if !course.chain.reads_response(back) {
            return Ok(body);
        }
        if forward::is_bodiless(exchange) {
            if course.chain.changes_response(back) {
                // What GET would have had another length for, and other digests.
                forward::mend_bodiless(exchange);
            }
            return Ok(body);
        }
        course.chain.response_body(exchange, body, back).await
    }

    fn respond(&self, exchange: &mut Exchange, body: Body) -> Answered {
        Answered { response: forward::response(exchange, body, &self.via), tunnel: None }
    }

    /// Carries what passes after an upgrade, beside the connection's own task.
    fn dig(
        &self,
        tunnel: Tunnel,
        entry: Option<Entry>,
        serving: Option<Box<Serving>>,
        entrance: &Entrance,
    ) {
        let open = OpenTunnel::new(&self.telemetry, entrance);
        tokio::spawn(async move {
            let _open = open;
            let passed = tunnel.run().await;
            if let Some(serving) = serving {
                serving.end(passed.broken);
            }
            if let Some(entry) = entry {
                entry.finish(passed.from_client, passed.to_client, passed.broken);
            }
        });
    }

    /// Makes trouble the response at hand.
    fn answer(&self, trouble: Trouble, exchange: &mut Exchange) -> Body {
        let rescued = rescue(trouble, &exchange.id);
        if let Some(logged) = rescued.logged {
            if let Some(trace) = &mut exchange.trace {
                trace.refusal = Some(logged.reason);
            }
            self.log(logged, exchange);
        }
        let is_grpc = exchange.hop.is_grpc;
        let (head, body) = parts_of(if is_grpc { in_grpc(rescued.reply) } else { rescued.reply });
        exchange.response = Some(head);
        body
    }

    fn log(&self, logged: Logged, exchange: &Exchange) {
        let (route, request) = (&*exchange.route, &*exchange.id);
        let Logged { reason, text, is_ours, plugin, crowd } = logged;
        self.telemetry.refused(reason);
        let Some(mut text) = text else { return };
        if let Some(upstream) = crowd {
            match self.crowds.tell(&upstream, reason, Instant::now()) {
                None => return,
                Some(0) => {}
                Some(untold) => text.push_str(&format!(" ({untold} more since the last line)")),
            }
        }
        let trace_id = exchange.trace_id().map(tracing::field::display);
        match plugin {
            Some((plugin, hook)) => {
                error!(plugin = &*plugin, hook, route, request, trace_id, reason, "{text}");
            }
            None if is_ours => error!(route, request, trace_id, reason, "{text}"),
            None => info!(route, request, trace_id, reason, "{text}"),
        }
    }

    /// The body, counted where somebody wants to know.
    fn observe(&self, snapshot: &Snapshot, body: Body) -> (Body, access_log::Counter) {
        match snapshot.access_log.is_some() {
            true => access_log::counted(body),
            false => (body, access_log::Counter::default()),
        }
    }

    fn account(&self, route: &RouteInService, exchange: &Exchange, status: http::StatusCode) {
        let took = exchange.started.elapsed();
        route.metrics.answered(status.as_u16(), took);
        debug!(
            request = &*exchange.id,
            route = &*exchange.route,
            status = status.as_u16(),
            took_us = took.as_micros() as u64,
            plugins = %Trail(exchange),
            "{} {}",
            exchange.request.method,
            exchange.request.uri.path()
        );
    }
}

/// What came of the way there.
struct Reached {
    head: ResponseHead,
    body: Body,
    /// The service has switched to another protocol.
    switch: Option<(Wish, Switched)>,
}

/// What the client gets.
struct Answered {
    response: Response<Body>,
    /// What the connection becomes after it.
    tunnel: Option<Tunnel>,
}

impl Answered {
    fn switch(&mut self, (wish, service): (Wish, Switched), exchange: &Exchange, idle: Duration) {
        let from_h2 = exchange.request.version == Version::HTTP_2;
        let (mut head, body) = std::mem::take(&mut self.response).into_parts();
        self.tunnel = wish.tunnel(service, &mut head, from_h2, idle);
        self.response = Response { head, body };
    }
}

/// What the service switched to; trouble where nobody asked it for that.
fn switched(
    wish: Option<Wish>,
    head: &mut ResponseHead,
) -> Result<Option<(Wish, Switched)>, Trouble> {
    if head.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(None);
    }
    let service = head.extensions.remove::<Switched>();
    match (wish.filter(|wish| wish.is_granted(head)), service) {
        (Some(wish), Some(service)) => Ok(Some((wish, service))),
        _ => Err(Trouble::UnwantedSwitch),
    }
}

fn parts_of(reply: Reply) -> (ResponseHead, Body) {
    let mut response = Response::new(Body::from(reply.body));
    response.head.status = reply.status;
    response.head.headers = reply.headers;
    response.into_parts()
}
