//! What goes on to the service and what comes back: RFC 9110, section 7.6.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
    request, response, uri::PathAndQuery,
};
use http_body::Body as _;

use super::{Course, RouteInService, admit, upgrade::Wish, via::Via};
use crate::{
    body::{Body, BodyError, Tap, Tapped},
    chain::mend_head,
    config::Rewrite,
    message::{Exchange, Hop},
    rescue::Trouble,
};

/// Fields that are about one connection (RFC 9110, 7.6.1). `Trailer` is not among them: without
/// it HTTP/1.1 trailers cannot go on.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// The request as the service gets it.
pub(super) fn request(
    course: Course<'_>,
    exchange: &Exchange,
    body: Body,
    via: &Via,
    wish: Option<&mut Wish>,
) -> Request<Body> {
    let mut headers = exchange.request.headers.clone();
    if let Some(wish) = wish {
        wish.ask(&mut headers, exchange.request.version == Version::HTTP_2);
    }
    if exchange.hop.takes_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    // hyper answers `Expect` itself as soon as the body is asked for.
    headers.remove(header::EXPECT);
    let wants = course.chain.wants();
    if wants.response_body || wants.response_stream {
        // Plugins see identity, and all of it.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.remove(header::RANGE);
        headers.remove(header::IF_RANGE);
    }
    if let Some(left) = max_forwards(&exchange.request) {
        headers.insert(header::MAX_FORWARDS, left.saturating_sub(1).into());
    }
    add_forwarding(&mut headers, exchange, via);
    let mut request = Request::new(body);
    *request.method_mut() = exchange.request.method.clone();
    *request.uri_mut() = target(course.route, exchange).into();
    *request.headers_mut() = headers;
    mend_length(&mut request);
    request
}

/// The response as the client gets it.
pub(super) fn response(exchange: &mut Exchange, body: Body, via: &Via) -> Response<Body> {
    let bodiless = is_bodiless(exchange);
    let Some(mut head) = exchange.response.take() else {
        return Response::new(Body::Empty);
    };
    head.version = Version::HTTP_11;
    via.add(&mut head.headers, Version::HTTP_11);
    stamp(&mut head.headers, &exchange.id);
    let length = body.size_hint().exact();
    if let Some(length) = length.filter(|_| !bodiless) {
        head.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(head, if bodiless { Body::Empty } else { body })
}

/// Puts the request id onto a response.
pub(super) fn stamp(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}

/// Whether this exchange's response has no body (RFC 9110, 6.4.1): nothing is read for it.
pub(super) fn is_bodiless(exchange: &Exchange) -> bool {
    exchange.request.method == Method::HEAD
        || exchange.response.as_ref().is_some_and(|head| admit::has_no_body(head.status))
}

/// Makes the head of a response to HEAD, or of a 304, what it would be with its body: that would
/// have passed plugins that change it.
pub(super) fn mend_bodiless(exchange: &mut Exchange) {
    if let Some(head) = &mut exchange.response {
        mend_head(&mut head.headers);
    }
}

/// Refuses a body that says that it is too long, and watches one that does not say.
pub(super) fn capped(body: Body, cap: u64) -> Result<Body, Trouble> {
    match body.size_hint().exact() {
        Some(length) if length > cap => Err(Trouble::BodyTooLarge(cap)),
        Some(_) => Ok(body),
        None => Ok(Body::boxed(Tapped::new(body, Capped { left: cap, cap }))),
    }
}

/// Takes the fields of the client's connection off its request, before any plugin sees it: later
/// `Connection` could name, and so remove, a field that a plugin has set.
pub(super) fn take_hop(headers: &mut HeaderMap) -> Hop {
    let hop = Hop {
        takes_trailers: says(headers, &header::TE, "trailers"),
        upgrade: upgrade_of(headers),
        is_coded: !is_chunked_alone(headers),
        ..Hop::default()
    };
    // Names that some servers take for those of the framing (CGI knows no dashes).
    for lookalike in ["content_length", "transfer_encoding"] {
        headers.remove(lookalike);
    }
    strip_hop_by_hop(headers);
    hop
}

/// How often the request may still be forwarded. Only these methods count it (RFC 9110, 7.6.2).
pub(super) fn max_forwards(head: &request::Parts) -> Option<u64> {
    if head.method != Method::OPTIONS && head.method != Method::TRACE {
        return None;
    }
    head.headers.get(header::MAX_FORWARDS)?.to_str().ok()?.trim().parse().ok()
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

fn is_chunked_alone(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(only), None) => only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
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

/// Takes the fields of the service's connection off its reply.
pub(super) fn take_reply_hop(head: &mut response::Parts, client: Version) {
    let headers = &mut head.headers;
    // A length beside chunks is not that of the body, and must not go on (RFC 9112, 6.3).
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    // RFC 9110, 15.5.22: a 426 must say which protocols would do. HTTP/2 has no field for that.
    let is_required = head.status == StatusCode::UPGRADE_REQUIRED && client == Version::HTTP_11;
    let all = headers.get_all(header::UPGRADE).iter();
    let protocols: Vec<_> = all.filter(|_| is_required).cloned().collect();
    strip_hop_by_hop(headers);
    if !protocols.is_empty() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.extend(protocols.into_iter().map(|protocol| (header::UPGRADE, protocol)));
    }
}

/// Removes the fields of one connection and those that `Connection` names.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(|name| !is_ours(name))
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// What a client cannot have taken away by naming it: who asked, and by which way.
fn is_ours(name: &HeaderName) -> bool {
    matches!(*name, header::HOST | header::CONTENT_LENGTH | header::VIA | header::FORWARDED)
        || name.as_str().starts_with("x-forwarded-")
        || name == "x-request-id"
}

fn target(route: &RouteInService, exchange: &Exchange) -> PathAndQuery {
    let path = match (&exchange.set_path, &route.rewrite) {
        (Some(path), _) => path.clone(),
        (None, Rewrite::None) if exchange.set_query.is_none() => {
            // The usual case: the bytes as they came.
            if let Some(target) = exchange.request.uri.path_and_query() {
                return target.clone();
            }
            exchange.path().to_owned()
        }
        (None, Rewrite::None) => exchange.path().to_owned(),
        (None, Rewrite::Strip(prefix)) => stripped(exchange.path(), prefix),
        (None, Rewrite::Template(template)) => filled(template, &exchange.params),
    };
    let target = match exchange.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    target.parse().unwrap_or_else(|_| PathAndQuery::from_static("/"))
}

fn stripped(path: &str, prefix: &str) -> String {
    match path.strip_prefix(prefix.trim_end_matches('/')) {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        Some("") => "/".to_owned(),
        _ => path.to_owned(),
    }
}

/// A rewrite template with its parameters, encoded again: a decoded slash or question mark in a
/// value must not become structure. `{*rest}` keeps its slashes.
fn filled(template: &str, params: &[(std::sync::Arc<str>, String)]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else { break };
        let bare = name.trim_start_matches('*');
        let value = params.iter().find(|(n, _)| **n == *bare).map_or("", |(_, v)| v.as_str());
        encode_into(&mut out, value, name.starts_with('*'));
        rest = behind;
    }
    out.push_str(rest);
    out
}

pub(super) fn encode_into(out: &mut String, value: &str, keep_slashes: bool) {
    for byte in value.bytes() {
        // RFC 3986, 2.3 and 3.3: unreserved, and what a path segment may have beside it.
        let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
        match byte {
            b'/' if keep_slashes => out.push('/'),
            _ if plain => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// Who asked, over what, for whom. What an untrusted client says of it is replaced.
fn add_forwarding(headers: &mut HeaderMap, exchange: &Exchange, via: &Via) {
    let client = &exchange.client;
    let peer = client.peer.ip().to_canonical();
    // Behind a trusted proxy the addresses that it reports are kept, and it is added.
    let through = (client.address != peer).then(|| format!("{}, {peer}", client.address));
    set(headers, "x-forwarded-for", &through.unwrap_or_else(|| peer.to_string()));
    set(headers, "x-forwarded-proto", if client.https { "https" } else { "http" });
    set(headers, "x-forwarded-host", &exchange.authority);
    set(headers, "x-request-id", &exchange.id);
    headers.remove(header::FORWARDED);
    headers.remove(HeaderName::from_static("x-real-ip"));
    headers.remove(HeaderName::from_static("x-forwarded-port"));
    if !headers.get("traceparent").is_some_and(is_traceparent) {
        headers.remove("tracestate");
        headers.insert(HeaderName::from_static("traceparent"), new_trace());
    }
    if let Ok(host) = HeaderValue::from_str(&exchange.authority) {
        headers.insert(header::HOST, host);
    }
    via.add(headers, exchange.request.version);
}

/// A trace that begins here (W3C Trace Context, 3.2).
fn new_trace() -> HeaderValue {
    let mut trace = *b"00-................................-................-01";
    admit::random_digits(&mut trace[3..35]);
    admit::random_digits(&mut trace[36..52]);
    HeaderValue::from_bytes(&trace).expect("digits and dashes")
}

/// W3C Trace Context, 3.2: `00-32 hex-16 hex-2 hex`, ids not all zero.
fn is_traceparent(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length
            && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let some = |part: &str| part.bytes().any(|b| b != b'0');
    matches!(parts[..], [version, trace, span, flags, ..]
        if hex(version, 2) && version != "ff" && hex(trace, 32) && some(trace)
            && hex(span, 16) && some(span) && hex(flags, 2)
            && (version != "00" || parts.len() == 4))
}

/// One length, and the one that is true (RFC 9112, 6.3).
pub(super) fn mend_length(request: &mut Request<Body>) {
    match request.body().size_hint().exact() {
        Some(0) if !request.headers().contains_key(header::CONTENT_LENGTH) => {}
        Some(length) => {
            request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        None => {
            request.headers_mut().remove(header::CONTENT_LENGTH);
        }
    }
}

fn says(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        value.to_str().is_ok_and(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case(token)))
    })
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Ends a body of unknown length with an error past its cap.
struct Capped {
    left: u64,
    cap: u64,
}

impl Tap for Capped {
    fn data(&mut self, piece: &Bytes) -> Result<(), BodyError> {
        let left = self.left.checked_sub(piece.len() as u64);
        self.left = left.ok_or(BodyError::TooLarge(self.cap))?;
        Ok(())
    }
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

    #[test]
    fn rewrites() {
        assert_eq!(stripped("/api/users", "/api"), "/users");
        assert_eq!(stripped("/api", "/api"), "/");
        assert_eq!(stripped("/apis", "/api"), "/apis");
        let params = [("id".into(), "a/b?c é".to_owned()), ("rest".into(), "x/y".to_owned())];
        assert_eq!(filled("/v2/{id}/{*rest}", &params), "/v2/a%2Fb%3Fc%20%C3%A9/x/y");
    }

    #[test]
    fn trace_context_is_kept_if_it_is_one() {
        let is = |text: &'static str| is_traceparent(&HeaderValue::from_static(text));
        assert!(is("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        assert!(is("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
        assert!(!is("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
        assert!(!is("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
        assert!(!is("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        assert!(!is("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"));
    }
}
