//! What services answer.

use http_body_util::Full;
use hyper::{
    Response,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;

/// A reply whose body is all there.
pub type Reply = Response<Full<Bytes>>;

/// JSON over several lines, for people read it here.
pub fn json(status: u16, value: &Value) -> Reply {
    with_body(status, "application/json", format!("{value:#}\n"))
}

/// JSON on one line, for replies that come many at a time.
pub fn json_line(status: u16, value: &Value) -> Reply {
    with_body(status, "application/json", format!("{value}\n"))
}

/// What is wrong, as JSON of its own media type (RFC 9457).
pub fn problem(status: u16, value: &Value) -> Reply {
    with_body(status, "application/problem+json", format!("{value}\n"))
}

/// Plain text, as it is.
pub fn text(status: u16, text: impl Into<String>) -> Reply {
    with_body(status, "text/plain", text.into())
}

/// A status and nothing else.
pub fn status(status: u16) -> Reply {
    text(status, "")
}

fn with_body(status: u16, kind: &'static str, body: String) -> Reply {
    let mut reply = Response::new(Full::from(body));
    *reply.status_mut() = status.try_into().expect("a status of ours");
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}
