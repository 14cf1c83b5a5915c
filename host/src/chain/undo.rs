//! A plugin that is passed over must leave nothing behind.

use crate::{
    fields::Fields,
    message::{Attributes, Exchange},
};

/// The parts of an exchange that a plugin can change, as they were.
pub(super) struct Undo {
    request: Fields,
    response: Option<(http::StatusCode, Fields)>,
    set_path: Option<String>,
    set_query: Option<Option<String>>,
    upstream: Option<usize>,
    attributes: Attributes,
    /// How many changes of the response there were.
    ahead: usize,
}

impl Undo {
    pub(super) fn of(exchange: &Exchange) -> Self {
        Self {
            request: exchange.request.headers.clone(),
            response: exchange.response.as_ref().map(|r| (r.status, r.headers.clone())),
            set_path: exchange.set_path.clone(),
            set_query: exchange.set_query.clone(),
            upstream: exchange.upstream,
            attributes: exchange.attributes.clone(),
            ahead: exchange.ahead.len(),
        }
    }

    pub(super) fn apply(self, exchange: &mut Exchange) {
        exchange.request.headers = self.request;
        if let (Some(head), Some((status, headers))) = (&mut exchange.response, self.response) {
            (head.status, head.headers) = (status, headers);
        }
        exchange.set_path = self.set_path;
        exchange.set_query = self.set_query;
        exchange.upstream = self.upstream;
        exchange.attributes = self.attributes;
        exchange.ahead.truncate(self.ahead);
    }
}
