//! What the services answer.

use http_body_util::Full;
use hyper::{
    Response,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue, SERVER},
};
use serde_json::Value;

pub(crate) type Reply = Response<Full<Bytes>>;

/// JSON over several lines, for people read it here.
pub(crate) fn json(status: u16, value: &Value) -> Reply {
    with_body(status, "application/json", format!("{value:#}\n"))
}

pub(crate) fn text(text: &'static str) -> Reply {
    with_body(200, "text/plain", text.into())
}

/// A status and nothing else.
pub(crate) fn status(status: u16) -> Reply {
    with_body(status, "text/plain", String::new())
}

fn with_body(status: u16, kind: &'static str, body: String) -> Reply {
    let mut reply = Response::new(Full::from(body));
    *reply.status_mut() = status.try_into().expect("a status of ours");
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // Tells more than a client needs to know, as services do. The gateway takes it off.
    reply.headers_mut().insert(SERVER, HeaderValue::from_static("hello-services/0.1"));
    reply
}
