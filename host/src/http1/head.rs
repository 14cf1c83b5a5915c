//! Where a head ends, and its fields.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Fault;

/// Fields that a request gets on its way, at most: where it goes on as it is they need no other map.
pub const ADDED_FIELDS: usize = 8;

/// The length of the head at the beginning of `read`, with the empty line that ends it; none where
/// that has not come yet. `seen` is how much of `read` was looked at before.
pub fn find_end(read: &mut BytesMut, seen: &mut usize) -> Option<usize> {
    // RFC 9112, 2.2: an empty line before a message is no part of it.
    while *seen == 0 && (read.starts_with(b"\r\n") || read.starts_with(b"\n")) {
        read.advance(if read[0] == b'\r' { 2 } else { 1 });
    }
    for end in memchr::memchr_iter(b'\n', &read[*seen..]).map(|at| *seen + at + 1) {
        let length = match read[end..] {
            [b'\n', ..] => end + 1,
            [b'\r', b'\n', ..] => end + 2,
            _ => continue,
        };
        *seen = 0;
        return Some(length);
    }
    // The line's end that is there may turn out to be the last but one.
    *seen = read.len().saturating_sub(2);
    None
}

/// Those that `is_kept`, with room for a few more. The values are parts of the head as it was read.
pub fn fields_of(
    head: &Bytes,
    fields: &[httparse::Header<'_>],
    more: usize,
    mut is_kept: impl FnMut(&HeaderName, &HeaderValue) -> bool,
) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::with_capacity(fields.len() + more);
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value));
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Fault::Malformed(httparse::Error::HeaderValue));
        };
        if is_kept(&name, &value) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_found_however_it_comes() {
        for (text, expected) in [
            ("a: b\r\n\r\nrest", 8),
            ("a: b\n\nrest", 6),
            ("a: b\r\n\nrest", 7),
            ("\r\n\n\r\na: b\n\r\nrest", 7),
        ] {
            for step in 1..text.len() {
                let (mut read, mut seen, mut found) = (BytesMut::new(), 0, None);
                for piece in text.as_bytes().chunks(step) {
                    read.extend_from_slice(piece);
                    found = found.or_else(|| find_end(&mut read, &mut seen));
                }
                assert_eq!(found, Some(expected), "{text:?} by {step}");
            }
        }
        let (mut read, mut seen) = (BytesMut::from("a: b\r\nc: d\r\n\r"), 0);
        assert_eq!(find_end(&mut read, &mut seen), None);
    }
}
