//! A request as bytes: its head, and how its body is delimited (RFC 9112, 3 to 7).

use http::header;
use http_body::Body as _;

use crate::{
    body::Body,
    fields::has_member,
    heads::Request,
    http1::{content_length, field},
};

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
    let framing = request.body.size_hint().exact().map_or(Framing::Chunked, Framing::Length);
    let (mut closes, mut says_length) = (false, false);
    out.extend_from_slice(request.head.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(
        request.head.uri.path_and_query().map_or("/", |target| target.as_str()).as_bytes(),
    );
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in &request.head.headers {
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
        Framing::Length(length) => content_length(length, out),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"\r\n");
    Encoded { framing, closes }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn encoded(request: Request<Body>) -> (String, Encoded) {
        let mut out = Vec::new();
        let encoded = encode(&request, &mut out);
        (String::from_utf8(out).unwrap(), encoded)
    }

    #[test]
    fn the_body_decides_on_its_framing() {
        let request =
            http::Request::post("/a?b=c").header("content-length", "5").header("x-a", "b");
        let (head, of) = encoded(request.body(Body::from(Bytes::from("four"))).unwrap().into());
        assert_eq!(head, "POST /a?b=c HTTP/1.1\r\nx-a: b\r\ncontent-length: 4\r\n\r\n");
        assert_eq!((of.framing, of.closes), (Framing::Length(4), false));
        let request = http::Request::put("/").header("content-length", "7");
        let (head, _) = encoded(request.body(Body::Empty).unwrap().into());
        assert_eq!(head, "PUT / HTTP/1.1\r\ncontent-length: 0\r\n\r\n");
        let request = http::Request::get("/").header("connection", "x, Close");
        let (head, of) = encoded(request.body(Body::Empty).unwrap().into());
        assert_eq!(head, "GET / HTTP/1.1\r\nconnection: x, Close\r\n\r\n");
        assert!(of.closes);
    }
}
