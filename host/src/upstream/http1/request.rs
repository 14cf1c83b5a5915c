//! A request as bytes: its head, and how its body is delimited (RFC 9112, 3 to 7).

use std::io::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use http_body::Body as _;

use super::outbox::Outbox;
use crate::{body::Body, fields::has_member};

/// How the body of a request is delimited (RFC 9112, 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are left of it.
    Length(u64),
    Chunked,
}

impl Default for Framing {
    fn default() -> Self {
        Self::Length(0)
    }
}

/// What its head says of the connection after it.
pub(super) struct Encoded {
    pub(super) framing: Framing,
    /// The connection ends with this exchange.
    pub(super) closes: bool,
}

/// Writes the head. The body itself decides on its framing, whatever the fields say of it.
pub(super) fn encode(request: &Request<Body>, out: &mut Vec<u8>) -> Encoded {
    let framing = request.body().size_hint().exact().map_or(Framing::Chunked, Framing::Length);
    let (mut closes, mut says_length) = (false, false);
    out.extend_from_slice(request.method().as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(
        request.uri().path_and_query().map_or("/", |target| target.as_str()).as_bytes(),
    );
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in request.headers() {
        match *name {
            header::CONTENT_LENGTH => {
                says_length = true;
                continue;
            }
            header::TRANSFER_ENCODING => continue,
            header::CONNECTION => closes |= has_member(value, "close"),
            _ => {}
        }
        field(name, value, out);
    }
    match framing {
        Framing::Length(0) if !says_length => {}
        // Into memory, which does not fail.
        Framing::Length(length) => drop(write!(out, "content-length: {length}\r\n")),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"\r\n");
    Encoded { framing, closes }
}

/// Writes a piece of a chunked body, and its end if it is the last one.
pub(super) fn chunk(piece: Bytes, is_last: bool, outbox: &mut Outbox) {
    drop(write!(outbox.short(), "{:x}\r\n", piece.len()));
    outbox.piece(piece, if is_last { b"\r\n0\r\n\r\n" } else { b"\r\n" });
}

/// Writes the end of a chunked body, and of the trailer fields those that `Trailer` announced and
/// that may be there (RFC 9110, 6.5.1).
pub(super) fn end_of_chunks(
    announced: &HeaderMap,
    trailers: Option<&HeaderMap>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        if may_trail(name) && announces(announced, name) {
            field(name, value, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn field(name: &HeaderName, value: &HeaderValue, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn announces(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(header::TRAILER).iter().any(|value| has_member(value, name.as_str()))
}

/// Not what frames, routes, authenticates or describes the message (RFC 9110, 6.5.1).
fn may_trail(name: &HeaderName) -> bool {
    !matches!(
        *name,
        header::AUTHORIZATION
            | header::CACHE_CONTROL
            | header::CONTENT_ENCODING
            | header::CONTENT_LENGTH
            | header::CONTENT_RANGE
            | header::CONTENT_TYPE
            | header::HOST
            | header::MAX_FORWARDS
            | header::SET_COOKIE
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(request: Request<Body>) -> (String, Encoded) {
        let mut out = Vec::new();
        let encoded = encode(&request, &mut out);
        (String::from_utf8(out).unwrap(), encoded)
    }

    #[test]
    fn the_body_decides_on_its_framing() {
        let request = Request::post("/a?b=c").header("content-length", "5").header("x-a", "b");
        let (head, of) = encoded(request.body(Body::from(Bytes::from("four"))).unwrap());
        assert_eq!(head, "POST /a?b=c HTTP/1.1\r\nx-a: b\r\ncontent-length: 4\r\n\r\n");
        assert_eq!((of.framing, of.closes), (Framing::Length(4), false));
        let request = Request::put("/").header("content-length", "7");
        let (head, _) = encoded(request.body(Body::Empty).unwrap());
        assert_eq!(head, "PUT / HTTP/1.1\r\ncontent-length: 0\r\n\r\n");
        let request = Request::get("/").header("connection", "x, Close");
        let (head, of) = encoded(request.body(Body::Empty).unwrap());
        assert_eq!(head, "GET / HTTP/1.1\r\nconnection: x, Close\r\n\r\n");
        assert!(of.closes);
    }

    #[test]
    fn only_announced_fields_that_may_trail_do() {
        let fields = |list: &[(&'static str, &'static str)]| {
            list.iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect()
        };
        let announced: HeaderMap = fields(&[("trailer", "X-Sum, Host")]);
        let trailers: HeaderMap = fields(&[("x-sum", "7"), ("host", "b"), ("x-other", "1")]);
        let mut out = Vec::new();
        end_of_chunks(&announced, Some(&trailers), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "0\r\nx-sum: 7\r\n\r\n");
    }
}
