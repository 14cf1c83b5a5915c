//! The access log: one line of JSON for each request, for billing and for whoever looks for what
//! happened at three in the morning.
//!
//! ```text
//! line      an exchange that is over -> a line
//! writer    lines -> a file, on a thread of its own
//! broken    why a response is not whole
//! watch     a body that counts its bytes, and knows its end
//! ```
//!
//! A worker never waits for the disk: it puts its line into a buffer of its own, and where there is
//! no room the line is dropped and counted.

mod broken;
mod line;
mod watch;
mod writer;

pub use broken::Broken;
pub use watch::{Counter, counted};
pub use writer::{Target, Writer, append};

use std::sync::Arc;

use http::{HeaderValue, StatusCode};

use crate::{
    body::Body,
    config::{self, LogField, PlainField},
    fields::Fields,
    message::Exchange,
};

/// Where lines go, and what stands in them. One for each configuration; the writer lives on.
pub struct AccessLog {
    fields: Vec<(String, LogField)>,
    /// Somebody asks for a field of the request's head.
    reads_request_head: bool,
    /// Somebody asks for the target's name.
    names_target: bool,
    /// Somebody asks for the trace.
    names_trace: bool,
    writer: Arc<Writer>,
}

/// What is known of an exchange when the head of its response is on its way. Dropped unfinished it
/// is written all the same, as incomplete.
pub struct Entry {
    log: Arc<AccessLog>,
    finished: bool,
    /// The request's head could be read: what stood in it is known.
    is_read: bool,
    exchange: Box<Exchange>,
    /// The target that it was at, where that is asked for.
    target: Option<Arc<str>>,
    request_bytes: Counter,
    status: StatusCode,
    /// Values of the response headers that are asked for, in the order of the fields.
    response_headers: Vec<Option<HeaderValue>>,
}

impl AccessLog {
    /// A log with these fields.
    pub fn new(settings: &config::AccessLog, writer: Arc<Writer>) -> Self {
        // Names are written as JSON once, not for each line.
        let named = |field: &LogField| (line::member(&field.name()), field.clone());
        let is_of_request = |field: &LogField| matches!(field, LogField::RequestHeader(_));
        let reads_request_head = settings.fields.iter().any(is_of_request);
        let names_target = settings.fields.contains(&LogField::Plain(PlainField::Target));
        let names_trace = settings.fields.contains(&LogField::Plain(PlainField::TraceId));
        let fields = settings.fields.iter().map(named).collect();
        Self { fields, reads_request_head, names_target, names_trace, writer }
    }

    /// Whether the fields of the request's head are to be there at the end.
    pub fn reads_request_head(&self) -> bool {
        self.reads_request_head
    }

    /// Whether the trace of a request is to be known.
    pub fn names_trace(&self) -> bool {
        self.names_trace
    }

    /// Begins an entry, which is written at the end of the response.
    pub fn entry(
        self: &Arc<Self>,
        exchange: Box<Exchange>,
        request_bytes: Counter,
        status: StatusCode,
        headers: &Fields,
    ) -> Entry {
        let wanted = |(_, field): &(String, LogField)| match field {
            LogField::ResponseHeader(name) => Some(headers.get(name).cloned()),
            _ => None,
        };
        let response_headers = self.fields.iter().filter_map(wanted).collect();
        Entry {
            log: self.clone(),
            finished: false,
            is_read: true,
            exchange,
            target: None,
            request_bytes,
            status,
            response_headers,
        }
    }

    /// Begins the entry of what was no request: what would have stood in its head is null.
    pub fn unread(
        self: &Arc<Self>,
        exchange: Box<Exchange>,
        status: StatusCode,
        headers: &Fields,
    ) -> Entry {
        let mut entry = self.entry(exchange, Counter::default(), status, headers);
        entry.is_read = false;
        entry
    }
}

impl Entry {
    /// The same with the target's name, if the line has it.
    pub fn at(mut self, target: impl FnOnce(&Exchange) -> Option<Arc<str>>) -> Self {
        if self.log.names_target {
            self.target = target(&self.exchange);
        }
        self
    }

    /// The body that the client gets. The line is written when it has ended, or was given up.
    pub fn follow(self, body: Body) -> Body {
        watch::until_end(body, move |response_bytes, broken| {
            let request_bytes = self.request_bytes.get();
            self.finish(request_bytes, response_bytes, broken);
        })
    }

    /// Writes the line of an exchange whose bytes were counted elsewhere.
    pub fn finish(mut self, request_bytes: u64, response_bytes: u64, broken: Option<Broken>) {
        self.write(request_bytes, response_bytes, broken);
    }

    fn write(&mut self, request_bytes: u64, response_bytes: u64, broken: Option<Broken>) {
        self.finished = true;
        let end = line::End { request_bytes, response_bytes, broken };
        let mut text = Vec::with_capacity(512);
        line::write(&mut text, &self.log.fields, self, &end);
        self.log.writer.write(&text);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.finished {
            self.write(self.request_bytes.get(), 0, Some(Broken::given_up()));
        }
    }
}
