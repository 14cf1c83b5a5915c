//! An exchange that is over, as a line of JSON.

use std::{io::Write as _, time::SystemTime};

use http::HeaderValue;

use super::{Broken, Entry};
use crate::{
    config::{LogField, PlainField},
    message::{Exchange, Step},
};

/// What is known only at the end of the response.
pub(super) struct End {
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
    /// Why that is not all of it.
    pub(super) broken: Option<Broken>,
}

/// The beginning of a member: its name and the colon.
pub(super) fn member(name: &str) -> String {
    let mut text = Vec::new();
    string(&mut text, name);
    format!("{}:", String::from_utf8_lossy(&text))
}

/// Writes the line, its end included.
pub(super) fn write(out: &mut Vec<u8>, fields: &[(String, LogField)], entry: &Entry, end: &End) {
    out.push(b'{');
    let mut response_headers = entry.response_headers.iter();
    for (index, (name, field)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name.as_bytes());
        let exchange = &*entry.exchange;
        match field {
            LogField::Plain(field) => plain(out, *field, entry, end),
            LogField::Attribute(name) => optional(out, exchange.attributes.get(name)),
            LogField::Param(name) => optional(out, param(exchange, name)),
            LogField::RequestHeader(name) => header(out, exchange.request.headers.get(name)),
            LogField::ResponseHeader(_) => {
                header(out, response_headers.next().and_then(Option::as_ref));
            }
        }
    }
    out.extend_from_slice(b"}\n");
}

fn plain(out: &mut Vec<u8>, field: PlainField, entry: &Entry, end: &End) {
    let exchange = &*entry.exchange;
    let request = &exchange.request;
    match field {
        PlainField::Method | PlainField::Host | PlainField::Path | PlainField::Protocol
            if !entry.is_read =>
        {
            optional(out, None);
        }
        PlainField::Time => {
            let began = SystemTime::now().checked_sub(exchange.started.elapsed());
            let began = began.unwrap_or(SystemTime::UNIX_EPOCH);
            display(out, format_args!("\"{}\"", humantime::format_rfc3339_millis(began)));
        }
        PlainField::RequestId => string(out, &exchange.id),
        PlainField::TraceId => match exchange.trace_id() {
            Some(id) => display(out, format_args!("\"{id}\"")),
            None => optional(out, None),
        },
        PlainField::Client => display(out, format_args!("\"{}\"", exchange.client.address)),
        PlainField::Peer => display(out, format_args!("\"{}\"", exchange.client.peer)),
        PlainField::Method => string(out, request.method.as_str()),
        PlainField::Scheme => string(out, if exchange.client.https { "https" } else { "http" }),
        PlainField::Host => string(out, &exchange.authority),
        PlainField::Path => string(out, request.uri.path()),
        PlainField::Query => optional(out, request.uri.query()),
        PlainField::Protocol => display(out, format_args!("\"{:?}\"", request.version)),
        PlainField::Route => optional(out, Some(&*exchange.route).filter(|name| !name.is_empty())),
        PlainField::Upstream => optional(out, upstream(exchange)),
        PlainField::Target => optional(out, entry.target.as_deref()),
        PlainField::Attempts => number(out, u64::from(exchange.asked.attempts())),
        PlainField::Status => number(out, u64::from(entry.status.as_u16())),
        PlainField::RequestBytes => number(out, end.request_bytes),
        PlainField::ResponseBytes => number(out, end.response_bytes),
        PlainField::DurationMs => millis(out, exchange.started.elapsed()),
        PlainField::UpstreamMs => match exchange.upstream_took {
            Some(took) => millis(out, took),
            None => out.extend_from_slice(b"null"),
        },
        PlainField::Complete => {
            out.extend_from_slice(if end.broken.is_none() { b"true" } else { b"false" })
        }
        PlainField::Broken => optional(out, end.broken.map(Broken::name)),
        PlainField::Plugins => plugins(out, &exchange.trail),
        PlainField::Attributes => attributes(out, exchange),
    }
}

fn param<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    exchange.params.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.as_str())
}

/// The upstream, if it was called.
fn upstream(exchange: &Exchange) -> Option<&str> {
    exchange.upstream_took?;
    exchange.upstreams.get(exchange.upstream?).map(|name| &**name)
}

fn plugins(out: &mut Vec<u8>, trail: &[Step]) {
    out.push(b'[');
    for (index, step) in trail.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"plugin\":");
        string(out, &step.plugin);
        out.extend_from_slice(b",\"hook\":");
        string(out, step.hook);
        out.extend_from_slice(b",\"decision\":");
        string(out, step.decision);
        display(out, format_args!(",\"us\":{}}}", step.took.as_micros()));
    }
    out.push(b']');
}

fn attributes(out: &mut Vec<u8>, exchange: &Exchange) {
    out.push(b'{');
    for (index, (name, value)) in exchange.attributes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(out, name);
        out.push(b':');
        string(out, value);
    }
    out.push(b'}');
}

fn optional(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

fn header(out: &mut Vec<u8>, value: Option<&HeaderValue>) {
    match value {
        Some(value) => string(out, &String::from_utf8_lossy(value.as_bytes())),
        None => out.extend_from_slice(b"null"),
    }
}

/// The longest text that a line repeats: what clients send must not fill the buffer.
const LONGEST: usize = 4 << 10;

/// A string of JSON: line breaks are escaped, so nobody can write a line of their own.
fn string(out: &mut Vec<u8>, text: &str) {
    if text.len() > LONGEST {
        let cut = text.floor_char_boundary(LONGEST);
        let _ = serde_json::to_writer(&mut *out, &format!("{}…", &text[..cut]));
        return;
    }
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(&mut *out, text);
}

fn number(out: &mut Vec<u8>, number: u64) {
    display(out, format_args!("{number}"));
}

/// Milliseconds with microseconds behind the point.
fn millis(out: &mut Vec<u8>, took: std::time::Duration) {
    let micros = took.as_micros();
    display(out, format_args!("{}.{:03}", micros / 1000, micros % 1000));
}

fn display(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}
