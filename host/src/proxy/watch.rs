//! A client that leaves before it is answered takes the future that serves it along. What it asked
//! for has still happened: plugins counted it, services saw it. So it is counted here, and written
//! down, as a 499, which no server sends.

use std::{sync::Arc, time::Instant};

use http::{HeaderMap, Request, StatusCode};

use super::{RouteInService, Snapshot};
use crate::{
    access_log::{AccessLog, Broken, Counter},
    message::Exchange,
};

/// 4xx as the client's own doing; not among those that are registered.
const CLIENT_LEFT: u16 = 499;

/// Armed until there is an answer.
pub(super) struct Watch<'a> {
    route: &'a RouteInService,
    started: Instant,
    /// What the log needs to know: the exchange itself may be inside a plugin when it is dropped.
    note: Option<Note<'a>>,
    armed: bool,
}

struct Note<'a> {
    log: &'a Arc<AccessLog>,
    exchange: Box<Exchange>,
    request_bytes: Counter,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        exchange: &Exchange,
        request_bytes: &Counter,
    ) -> Self {
        let note = snapshot.access_log.as_ref().map(|log| Note {
            log,
            exchange: sketch(exchange),
            request_bytes: request_bytes.clone(),
        });
        Self { route: &snapshot.unrouted, started: exchange.started, note, armed: true }
    }

    /// The route is known.
    pub(super) fn found(&mut self, route: &'a RouteInService) {
        self.route = route;
        if let Some(note) = &mut self.note {
            note.exchange.route = route.name.clone();
        }
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
        self.route.metrics.answered(CLIENT_LEFT, self.started.elapsed());
        if let (Some(note), Ok(status)) = (self.note.take(), StatusCode::from_u16(CLIENT_LEFT)) {
            let bytes = note.request_bytes.get();
            let entry =
                note.log.entry(note.exchange, note.request_bytes, status, &HeaderMap::new());
            entry.finish(bytes, 0, Some(Broken::given_up()));
        }
    }
}

/// Who asked for what.
fn sketch(exchange: &Exchange) -> Box<Exchange> {
    let mut request = Request::new(());
    *request.method_mut() = exchange.request.method.clone();
    *request.uri_mut() = exchange.request.uri.clone();
    *request.version_mut() = exchange.request.version;
    Box::new(Exchange {
        id: exchange.id.clone(),
        client: exchange.client.clone(),
        started: exchange.started,
        request: request.into_parts().0,
        ..Exchange::vacant()
    })
}
