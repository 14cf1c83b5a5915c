//! Fields and chunks as bytes.

use std::io::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::Outbox;
use crate::fields::{Fields, has_member};

/// Writes a field's line.
pub fn field(name: &HeaderName, value: &HeaderValue, out: &mut Vec<u8>) {
    let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes the line that says how long a body is.
pub fn content_length(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes a piece of a chunked body, and its end if it is the last one.
pub fn chunk(piece: Bytes, is_last: bool, outbox: &mut Outbox) {
    // Into memory, which does not fail.
    drop(write!(outbox.short(), "{:x}\r\n", piece.len()));
    outbox.piece(piece, if is_last { b"\r\n0\r\n\r\n" } else { b"\r\n" });
}

/// Writes the end of a chunked body, and of the trailer fields those that `Trailer` announced and
/// that may be there (RFC 9110, 6.5.1).
pub fn end_of_chunks(announced: &Fields, trailers: Option<&HeaderMap>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        if may_trail(name) && announces(announced, name) {
            field(name, value, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn announces(headers: &Fields, name: &HeaderName) -> bool {
    headers.get_all(header::TRAILER).any(|value| has_member(value, name.as_str()))
}

/// Not what frames, routes, authenticates or describes the message (RFC 9110, 6.5.1), nor what says where it comes
/// from: no plugin sees trailers, and there are services that take them for fields of the head.
pub fn may_trail(name: &HeaderName) -> bool {
    let text = name.as_str();
    let is_ours = text.starts_with("x-forwarded-")
        || text.starts_with("x-torana-")
        || text.contains('_')
        || matches!(text, "keep-alive" | "proxy-connection" | "x-real-ip" | "x-request-id");
    !is_ours && !is_of_head(name)
}

fn is_of_head(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::AUTHORIZATION
            | header::CACHE_CONTROL
            | header::CONNECTION
            | header::CONTENT_ENCODING
            | header::CONTENT_LENGTH
            | header::CONTENT_RANGE
            | header::CONTENT_TYPE
            | header::COOKIE
            | header::EXPECT
            | header::FORWARDED
            | header::HOST
            | header::MAX_FORWARDS
            | header::PROXY_AUTHENTICATE
            | header::PROXY_AUTHORIZATION
            | header::SET_COOKIE
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
            | header::VIA
            | header::WWW_AUTHENTICATE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_announced_fields_that_may_trail_do() {
        let fields = |list: &[(&'static str, &'static str)]| -> Fields {
            list.iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect()
        };
        let kept =
            "host, cookie, x-forwarded-for, x_forwarded_for, via, x-torana-mirror, connection";
        let announced = fields(&[("trailer", "X-Sum"), ("trailer", kept)]);
        let named = kept.split(", ").map(|name| (name, "b"));
        let all: Vec<_> = [("x-sum", "7"), ("x-other", "1")].into_iter().chain(named).collect();
        let trailers: HeaderMap = fields(&all).into();
        let mut out = Vec::new();
        end_of_chunks(&announced, Some(&trailers), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "0\r\nx-sum: 7\r\n\r\n");
    }
}
