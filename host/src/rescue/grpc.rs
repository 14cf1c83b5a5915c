//! A refusal as gRPC has it. Its clients read a status in the trailers, and some take the body of any
//! other answer for a broken message.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::{fields::Fields, message::Reply};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Whether a request is a call of gRPC: `application/grpc`, with a message format or without. gRPC-Web
/// is another protocol, that has its trailers in the body.
pub fn is_grpc(headers: &Fields) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// A refusal as a head with everything in it ("Trailers-Only" in PROTOCOL-HTTP2 of gRPC). Fields that
/// are not about the body stay: they are metadata. What refuses nothing stays as it is.
pub fn in_grpc(mut reply: Reply) -> Reply {
    if reply.status.is_success() || reply.headers.contains(GRPC_STATUS) {
        return reply;
    }
    let message = message_of(&reply);
    for name in [header::CONTENT_ENCODING, header::CONTENT_LANGUAGE] {
        reply.headers.remove(name);
    }
    reply.headers.insert(header::CONTENT_TYPE, GRPC);
    reply.headers.insert(GRPC_STATUS, code_of(reply.status).into());
    if let Ok(message) = HeaderValue::try_from(encoded(&message)) {
        reply.headers.insert(GRPC_MESSAGE, message);
    }
    Reply { status: StatusCode::OK, headers: reply.headers, body: Bytes::new() }
}

/// The code for a status. Where gRPC's own table is about proxies that know nothing of it
/// (http-grpc-status-mapping), this one says what is meant: google.rpc.Code.
fn code_of(status: StatusCode) -> u16 {
    match status.as_u16() {
        400 | 422 | 431 => 3,        // INVALID_ARGUMENT
        408 | 504 => 4,              // DEADLINE_EXCEEDED
        403 => 7,                    // PERMISSION_DENIED
        413 | 414 | 429 => 8,        // RESOURCE_EXHAUSTED
        409 => 10,                   // ABORTED
        404 | 405 | 415 | 501 => 12, // UNIMPLEMENTED: no such method
        500 => 13,                   // INTERNAL
        502 | 503 => 14,             // UNAVAILABLE
        401 => 16,                   // UNAUTHENTICATED
        _ => 2,                      // UNKNOWN
    }
}

/// What a problem tells a client (RFC 9457), else the name of the status.
fn message_of(reply: &Reply) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: Option<String>,
        title: Option<String>,
    }
    let problem = serde_json::from_slice::<Problem>(&reply.body).ok();
    let told = problem.and_then(|problem| problem.detail.or(problem.title));
    told.unwrap_or_else(|| reply.status.canonical_reason().unwrap_or("refused").to_owned())
}

/// Percent-encoded but for printable ASCII ("Status-Message").
fn encoded(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b'%' | ..b' ' | b'\x7f'.. => out.push_str(&format!("%{byte:02X}")),
            _ => out.push(byte.into()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &'static str) -> Reply {
        let mut headers = Fields::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let status = StatusCode::from_u16(status).unwrap();
        Reply { status, headers, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_refusal_becomes_a_head_with_a_status() {
        let made = in_grpc(reply(401, r#"{"title":"T","detail":"100 %, é\nno"}"#));
        assert_eq!((made.status, made.body.len()), (StatusCode::OK, 0));
        let field = |name: &str| made.headers[name].to_str().unwrap();
        assert_eq!((field("content-type"), field("grpc-status")), ("application/grpc", "16"));
        assert_eq!((field("grpc-message"), field("retry-after")), ("100 %25, %C3%A9%0Ano", "1"));
    }

    #[test]
    fn what_has_no_text_for_clients_has_the_name_of_its_status() {
        for body in ["", "<html>", "{}"] {
            assert_eq!(in_grpc(reply(429, body)).headers["grpc-message"], "Too Many Requests");
        }
    }

    #[test]
    fn what_refuses_nothing_stays() {
        assert_eq!(in_grpc(reply(200, "fine")), reply(200, "fine"));
        let made = in_grpc(reply(403, ""));
        assert_eq!(in_grpc(made.clone()), made);
    }

    #[test]
    fn grpc_is_told_by_its_media_type() {
        for (kind, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;x=1", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            let mut headers = Fields::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(is_grpc(&headers), expected, "{kind}");
        }
        assert!(!is_grpc(&Fields::new()));
    }
}
