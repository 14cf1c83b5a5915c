//! The fields that are about one connection, and so go no further (RFC 9110, 7.6.1).

use http::{HeaderName, HeaderValue, StatusCode, Version, header};

use crate::{
    fields::{Fields, has_member, is_of_hop, remove_hop},
    heads::ResponseHead,
    message::Hop,
};

/// Takes the fields of the client's connection off its request, before any plugin sees it: later
/// `Connection` could name, and so remove, a field that a plugin has set.
pub(super) fn take_hop(headers: &mut Fields) -> Hop {
    if !headers.names().any(|name| is_of_hop(name) || is_lookalike(name)) {
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
    remove_hop(headers, is_ours);
    hop
}

/// Takes the fields of the service's connection off its reply.
pub(super) fn take_reply_hop(head: &mut ResponseHead, client: Version) {
    let headers = &mut head.headers;
    if !headers.names().any(is_of_hop) {
        return;
    }
    // A length beside chunks is not that of the body, and must not go on (RFC 9112, 6.3).
    if headers.contains(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    // RFC 9110, 15.5.22: a 426 must say which protocols would do. HTTP/2 has no field for that.
    let is_required = head.status == StatusCode::UPGRADE_REQUIRED && client == Version::HTTP_11;
    if !is_required {
        return remove_hop(headers, is_ours);
    }
    let protocols: Vec<_> = headers.get_all(header::UPGRADE).cloned().collect();
    remove_hop(headers, is_ours);
    if !protocols.is_empty() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.extend(protocols.into_iter().map(|protocol| (header::UPGRADE, protocol)));
    }
}

/// Puts the cookies of HTTP/2, where each may have a field of its own, into one (RFC 9113, 8.2.3):
/// who reads HTTP/1.1 expects no second.
pub(super) fn join_crumbs(headers: &mut Fields) {
    let mut crumbs = headers.get_all(header::COOKIE);
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
pub(super) fn upgrade_of(headers: &Fields) -> Option<String> {
    let mut values = headers.get_all(header::UPGRADE);
    let (Some(only), None) = (values.next(), values.next()) else { return None };
    let protocol = only.to_str().ok()?.trim().to_ascii_lowercase();
    let is_one = !protocol.is_empty() && !protocol.contains(',');
    (is_one && says(headers, &header::CONNECTION, "upgrade")).then_some(protocol)
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

fn is_chunked_alone(headers: &Fields) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING);
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(only), None) => only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

fn says(headers: &Fields, name: &HeaderName, member: &str) -> bool {
    headers.get_all(name).any(|list| has_member(list, member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_one_connection_go_no_further() {
        let mut headers = Fields::new();
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
        remove_hop(&mut headers, is_ours);
        let mut left: Vec<&str> = headers.names().map(HeaderName::as_str).collect();
        left.sort();
        assert_eq!(left, ["host", "trailer", "x-other"]);
    }

    #[test]
    fn one_protocol_is_asked_for() {
        let asked = |connection: &'static str, upgrade: &[&'static str]| {
            let mut headers = Fields::new();
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
