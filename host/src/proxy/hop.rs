//! The fields that are about one connection, and so go no further (RFC 9110, 7.6.1).

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header, response};

use crate::message::Hop;

/// Takes the fields of the client's connection off its request, before any plugin sees it: later
/// `Connection` could name, and so remove, a field that a plugin has set.
pub(super) fn take_hop(headers: &mut HeaderMap) -> Hop {
    if !headers.keys().any(|name| is_of_hop(name) || is_lookalike(name)) {
        return Hop::default();
    }
    let hop = Hop {
        takes_trailers: says(headers, &header::TE, "trailers"),
        upgrade: upgrade_of(headers),
        is_coded: !is_chunked_alone(headers),
        ..Hop::default()
    };
    for lookalike in ["content_length", "transfer_encoding"] {
        headers.remove(lookalike);
    }
    strip_hop_by_hop(headers);
    hop
}

/// Takes the fields of the service's connection off its reply.
pub(super) fn take_reply_hop(head: &mut response::Parts, client: Version) {
    let headers = &mut head.headers;
    if !headers.keys().any(is_of_hop) {
        return;
    }
    // A length beside chunks is not that of the body, and must not go on (RFC 9112, 6.3).
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    // RFC 9110, 15.5.22: a 426 must say which protocols would do. HTTP/2 has no field for that.
    let is_required = head.status == StatusCode::UPGRADE_REQUIRED && client == Version::HTTP_11;
    if !is_required {
        return strip_hop_by_hop(headers);
    }
    let protocols: Vec<_> = headers.get_all(header::UPGRADE).iter().cloned().collect();
    strip_hop_by_hop(headers);
    if !protocols.is_empty() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.extend(protocols.into_iter().map(|protocol| (header::UPGRADE, protocol)));
    }
}

/// Puts the cookies of HTTP/2, where each may have a field of its own, into one (RFC 9113, 8.2.3):
/// who reads HTTP/1.1 expects no second.
pub(super) fn join_crumbs(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return };
    let mut all = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        all.extend_from_slice(b"; ");
        all.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(cookie) = HeaderValue::from_bytes(&all) {
        headers.insert(header::COOKIE, cookie);
    }
}

/// The one protocol that a head asks for, or switches to, in lower case.
pub(super) fn upgrade_of(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::UPGRADE).iter();
    let (Some(only), None) = (values.next(), values.next()) else { return None };
    let protocol = only.to_str().ok()?.trim().to_ascii_lowercase();
    let is_one = !protocol.is_empty() && !protocol.contains(',');
    (is_one && says(headers, &header::CONNECTION, "upgrade")).then_some(protocol)
}

/// Removes the fields of one connection and those that `Connection` names. `Trailer` stays: without
/// it HTTP/1.1 trailers cannot go on.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let mut gone: Vec<HeaderName> =
        headers.keys().filter(|name| is_of_hop(name)).cloned().collect();
    if gone.contains(&header::CONNECTION) {
        let lists =
            headers.get_all(header::CONNECTION).iter().filter_map(|list| list.to_str().ok());
        // By far the most are one of these two.
        let options = lists.filter(|list| !matches!(*list, "keep-alive" | "close"));
        let names = options.flat_map(|list| list.split(',').map(str::trim));
        let names = names.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        gone.extend(names.filter(|name| !is_ours(name)));
    }
    for name in gone {
        headers.remove(name);
    }
}

/// Whether a field is about one connection, or named like one that is. Most heads have none: to
/// look once at each name costs less than to look for all of these.
fn is_of_hop(name: &HeaderName) -> bool {
    match *name {
        header::CONNECTION | header::TE | header::TRANSFER_ENCODING | header::UPGRADE => true,
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings"),
    }
}

/// Whether some servers take the name for one of the framing (CGI knows no dashes).
fn is_lookalike(name: &HeaderName) -> bool {
    matches!(name.as_str(), "content_length" | "transfer_encoding")
}

/// What a client cannot have taken away by naming it: who asked, and by which way.
fn is_ours(name: &HeaderName) -> bool {
    matches!(*name, header::HOST | header::CONTENT_LENGTH | header::VIA | header::FORWARDED)
        || name.as_str().starts_with("x-forwarded-")
        || name == "x-request-id"
}

fn is_chunked_alone(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(only), None) => only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

fn says(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        value.to_str().is_ok_and(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case(token)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_one_connection_go_no_further() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Secret, host"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "gzip"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("host", "a"),
            ("trailer", "x-sum"),
            ("x-other", "1"),
        ] {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        strip_hop_by_hop(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort();
        assert_eq!(left, ["host", "trailer", "x-other"]);
    }

    #[test]
    fn one_protocol_is_asked_for() {
        let asked = |connection: &'static str, upgrade: &[&'static str]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONNECTION, HeaderValue::from_static(connection));
            for value in upgrade {
                headers.append(header::UPGRADE, HeaderValue::from_static(value));
            }
            upgrade_of(&headers)
        };
        assert_eq!(asked("keep-alive, Upgrade", &["WebSocket"]).as_deref(), Some("websocket"));
        assert_eq!(asked("keep-alive", &["websocket"]), None);
        assert_eq!(asked("upgrade", &[]), None);
        assert_eq!(asked("upgrade", &["websocket, h2c"]), None);
        assert_eq!(asked("upgrade", &["websocket", "h2c"]), None);
    }
}
