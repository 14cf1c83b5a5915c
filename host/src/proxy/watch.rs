//! A client that leaves before it is answered takes the future that serves it along. What it asked
//! for has still happened: plugins counted it, services saw it. So it is counted here, and written
//! down with all that is known of it, as a 499, which no server sends. What the gateway itself breaks off, at
//! the end of `drain`, is a 503: nobody has left.

use std::mem;

use http::StatusCode;

use super::{RouteInService, Snapshot, traced};
use crate::{
    access_log::{Broken, Counter},
    fields::Fields,
    message::Exchange,
};

/// 4xx as the client's own doing; not among those that are registered.
const CLIENT_LEFT: u16 = 499;

/// Armed until there is an answer.
pub(super) struct Watch<'a> {
    snapshot: &'a Snapshot,
    route: &'a RouteInService,
    /// Lent on to whatever serves it, and back here when that is dropped.
    pub(super) exchange: &'a mut Box<Exchange>,
    request_bytes: &'a Counter,
    armed: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        exchange: &'a mut Box<Exchange>,
        request_bytes: &'a Counter,
    ) -> Self {
        let route = &snapshot.unrouted;
        Self { snapshot, route, exchange, request_bytes, armed: true }
    }

    /// The route is known.
    pub(super) fn found(&mut self, route: &'a RouteInService) {
        self.route = route;
    }

    /// There is an answer, which is accounted for in its own way.
    pub(super) fn answered(mut self) {
        self.armed = false;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let broken = Broken::given_up();
        let status = status(broken);
        self.route.metrics.answered(status.as_u16(), self.exchange.started.elapsed());
        let nothing = Fields::new();
        if let Some(serving) = traced::served(self.exchange, self.route, status, &nothing) {
            serving.end(Some(broken));
        }
        let Some(log) = &self.snapshot.access_log else { return };
        let mut exchange = mem::replace(self.exchange, Box::new(Exchange::vacant()));
        if let Some(called) = exchange.called {
            exchange.upstream_took.get_or_insert_with(|| called.elapsed());
        }
        let bytes = self.request_bytes.get();
        let entry = log.entry(exchange, self.request_bytes.clone(), status, &Fields::new());
        entry.at(|exchange| self.route.target(exchange)).finish(bytes, 0, Some(broken));
    }
}

fn status(broken: Broken) -> StatusCode {
    match broken {
        Broken::Drain => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::from_u16(CLIENT_LEFT).unwrap_or(StatusCode::BAD_REQUEST),
    }
}
