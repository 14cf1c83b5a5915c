//! `reply`: always the same.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};

use super::super::{
    Diagnostic,
    fault::quote,
    header,
    keys::{Kind, Shape, key},
    table::Table,
};

use crate::fields::Fields;

/// What every request gets.
#[derive(Debug, Clone)]
pub struct StaticReply {
    /// 200 to 599.
    pub status: StatusCode,
    /// Without those that are about the connection.
    pub headers: Fields,
    /// All of it.
    pub body: Bytes,
}

/// The table's keys.
pub(super) static REPLY: Shape = Shape {
    id: "reply",
    place: "`reply` of [[routes]]",
    about: "What every request of the route gets.",
    keys: &[
        key("status", Kind::Integer(200, 599), "The status.").or("200"),
        key(
            "body",
            Kind::Text("Back at noon."),
            "The body; `{ file = \"maintenance.html\" }` for one that stands elsewhere.",
        ),
        key(
            "headers",
            Kind::Map("retry-after", &Kind::Text("3600")),
            "Header fields. A body without `content-type` is `text/plain; charset=utf-8`.",
        ),
    ],
};

/// What the gateway says itself (RFC 9110, 7.6.1 and 8.6).
const OWN: [&str; 10] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Reads it.
pub(super) fn read(table: &Table<'_>) -> Option<StaticReply> {
    let status = StatusCode::from_u16(table.integer("status") as u16).ok()?;
    let body = table.text("body").map(|text| Bytes::from(text.text.into_owned()));
    let body = body.unwrap_or_default();
    // RFC 9110, 15.3.5, 15.3.6 and 15.4.5.
    if matches!(status.as_u16(), 204 | 205 | 304) && !body.is_empty() {
        let message = format!("a reply with status {} has no body", status.as_u16());
        table.cx.report(Diagnostic::error(table.span_of("body"), message).label("never sent"));
    }
    let mut headers = headers(table);
    if !body.is_empty() && !headers.contains(CONTENT_TYPE) {
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
    }
    Some(StaticReply { status, headers, body })
}

fn headers(table: &Table<'_>) -> Fields {
    let mut headers = Fields::new();
    for (written, value) in table.get("headers").map(|value| value.entries()).unwrap_or_default() {
        match (header::name(written.text, &OWN), value.parse(header::value)) {
            (Ok(name), Some(value)) => headers.append(name, value),
            (Ok(_), None) => {}
            (Err(fault), _) => {
                let message = format!("{} {}", quote(written.text), fault.what);
                table.cx.report(Diagnostic::error(written.span, message).help(fault.help));
            }
        }
    }
    headers
}
