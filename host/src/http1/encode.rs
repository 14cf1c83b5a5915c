//! Fields and chunks as bytes.

use std::io::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::Outbox;
use crate::fields::has_member;

/// Writes a field's line.
pub fn field(name: &HeaderName, value: &HeaderValue, out: &mut Vec<u8>) {
    let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
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
pub fn end_of_chunks(announced: &HeaderMap, trailers: Option<&HeaderMap>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        if may_trail(name) && announces(announced, name) {
            field(name, value, out);
        }
    }
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
