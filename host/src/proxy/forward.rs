//! What goes on to the service and what comes back: RFC 9110, section 7.6.

use std::{cell::RefCell, net::IpAddr};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Version, header, uri::PathAndQuery};
use http_body::Body as _;

use super::{Course, RouteInService, admit, upgrade::Wish, via::Via};
use crate::{
    body::{Body, BodyError, Tap, Tapped, coding::mend_head},
    config::Rewrite,
    fields::Fields,
    heads::{Request, RequestHead, Response},
    http1::ADDED_FIELDS,
    message::Exchange,
    rescue::Trouble,
    router::decoded,
    traces::{Context, TRACEPARENT, TRACESTATE},
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request as the service gets it. Its fields are the exchange's own where nobody asks for them any more.
pub(super) fn request(
    course: Course<'_>,
    exchange: &mut Exchange,
    body: Body,
    via: &Via,
    wish: Option<&mut Wish>,
) -> Request<Body> {
    let max_forwards = max_forwards(&exchange.request);
    let mut headers = carried(exchange, course.is_request_kept);
    if let Some(wish) = wish {
        wish.ask(&mut headers, exchange.request.version == Version::HTTP_2);
    }
    if exchange.hop.takes_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if course.chain.wants().response_bodies() {
        // Plugins see identity, and all of it.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.remove(header::RANGE);
        headers.remove(header::IF_RANGE);
    }
    if let Some(left) = max_forwards {
        headers.insert(header::MAX_FORWARDS, left.saturating_sub(1).into());
    }
    add_forwarding(&mut headers, exchange, via);
    let mut request = Request::new(body);
    request.head.method = exchange.request.method.clone();
    request.head.uri = target(course.route, exchange).into();
    request.head.headers = headers;
    mend_length(&mut request);
    request
}

/// What goes on, with room for what is added. A copy takes some 300 instructions for each field, of which browsers
/// send fifteen.
fn carried(exchange: &mut Exchange, is_kept: bool) -> Fields {
    let received = &mut exchange.request.headers;
    let is_traced = received.get(&TRACEPARENT).is_some_and(|said| Context::parse(said).is_some());
    // Without the trace that it is about the state says nothing.
    let stays = |name: &HeaderName| is_replaced(name) || !is_traced && *name == TRACESTATE;
    let mut headers = match is_kept {
        true => copied(received, |name| !stays(name)),
        false => taken(received, stays),
    };
    if !is_traced {
        headers.insert(TRACEPARENT, exchange.context.unwrap_or_default().header());
    }
    headers
}

fn copied(received: &Fields, goes: impl Fn(&HeaderName) -> bool) -> Fields {
    let mut headers = Fields::with_capacity(received.len() + ADDED_FIELDS);
    for (name, value) in received.iter().filter(|(name, _)| goes(name)) {
        headers.append(name.clone(), value.clone());
    }
    headers
}

fn taken(received: &mut Fields, stays: impl Fn(&HeaderName) -> bool) -> Fields {
    let mut headers = std::mem::take(received);
    headers.reserve(ADDED_FIELDS);
    headers.retain(|name, _| !stays(name));
    headers
}

/// What goes no further, whoever said it: we say where a request comes from in `X-Forwarded-For` alone. `Expect` was
/// answered by the listener when the body was asked for.
fn is_replaced(name: &HeaderName) -> bool {
    matches!(*name, header::EXPECT | header::FORWARDED) || name == "x-real-ip"
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
    if let Some(length) = body.size_hint().exact().filter(|_| !bodiless) {
        set_length(&mut head.headers, length);
    }
    Response { head, body: if bodiless { Body::Empty } else { body } }
}

/// Puts the request id onto a response.
pub(super) fn stamp(headers: &mut Fields, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, id);
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

/// How often the request may still be forwarded. Only these methods count it (RFC 9110, 7.6.2).
pub(super) fn max_forwards(head: &RequestHead) -> Option<u64> {
    if head.method != Method::OPTIONS && head.method != Method::TRACE {
        return None;
    }
    head.headers.get(header::MAX_FORWARDS)?.to_str().ok()?.trim().parse().ok()
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

/// A path without its first segments. They are compared as routes are matched, decoded: else a client that encodes a
/// letter of the prefix would get to what lies beside it.
fn stripped(path: &str, prefix: &str) -> String {
    let prefix = prefix.trim_end_matches('/');
    let segments = prefix.matches('/').count();
    let end = path.match_indices('/').nth(segments).map_or(path.len(), |(at, _)| at);
    let (first, rest) = path.split_at(end);
    let is_prefix = first == prefix || decoded(first).ok() == decoded(prefix).ok();
    match (is_prefix, rest) {
        (false, _) => path.to_owned(),
        (true, "") => "/".to_owned(),
        (true, rest) => rest.to_owned(),
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
fn add_forwarding(headers: &mut Fields, exchange: &Exchange, via: &Via) {
    let client = &exchange.client;
    let peer = client.peer.ip().to_canonical();
    // Behind a trusted proxy the addresses that it reports are kept, and it is added.
    match client.address == peer {
        true => headers.insert(X_FORWARDED_FOR, value_of(peer)),
        false => set(headers, X_FORWARDED_FOR, &format!("{}, {peer}", client.address)),
    }
    let scheme = HeaderValue::from_static(if client.https { "https" } else { "http" });
    headers.insert(X_FORWARDED_PROTO, scheme);
    set(headers, X_REQUEST_ID, &exchange.id);
    set_host(headers, &exchange.authority, exchange.hop.is_from_proxy);
    via.add_again(headers, exchange.request.version, exchange.hop.passes);
}

/// Puts the authority that was asked for into `Host` and `X-Forwarded-Host`; a trusted proxy may know that the client
/// asked for another one. It nearly always came in `Host`: then neither is a copy.
fn set_host(headers: &mut Fields, authority: &str, from_proxy: bool) {
    let is_known = from_proxy && headers.contains(X_FORWARDED_HOST);
    match headers.get(header::HOST).filter(|host| host.as_bytes() == authority.as_bytes()) {
        _ if is_known => set(headers, header::HOST, authority),
        Some(host) => {
            let host = host.clone();
            headers.insert(X_FORWARDED_HOST, host);
        }
        None => {
            set(headers, header::HOST, authority);
            set(headers, X_FORWARDED_HOST, authority);
        }
    }
}

/// An address as a value. A worker keeps the last one: on a connection that is kept it is the same again
/// and again.
fn value_of(address: IpAddr) -> HeaderValue {
    thread_local! {
        static LAST: RefCell<Option<(IpAddr, HeaderValue)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| match last {
        Some((known, value)) if *known == address => value.clone(),
        _ => {
            let text = Bytes::from(text_of(address));
            let value = HeaderValue::from_maybe_shared(text).expect("digits, dots and colons");
            last.insert((address, value)).1.clone()
        }
    })
}

/// An address as text. Written by hand where it is short: `Display` took 1,300 instructions for
/// `127.0.0.1`, in each request.
fn text_of(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity("255.255.255.255".len());
    for (place, part) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        let digit = |value: u8| char::from(b'0' + value);
        if part >= 100 {
            text.push(digit(part / 100));
        }
        if part >= 10 {
            text.push(digit(part / 10 % 10));
        }
        text.push(digit(part % 10));
    }
    text
}

/// One length, and the one that is true (RFC 9112, 6.3).
pub(super) fn mend_length(request: &mut Request<Body>) {
    match request.body.size_hint().exact() {
        Some(0) if !request.head.headers.contains(header::CONTENT_LENGTH) => {}
        Some(length) => {
            request.head.headers.insert(header::CONTENT_LENGTH, length.into());
        }
        None => {
            request.head.headers.remove(header::CONTENT_LENGTH);
        }
    }
}

/// The one length that is true. The service's own is nearly always the same.
fn set_length(headers: &mut Fields, length: u64) {
    let is_true = |said: &HeaderValue| {
        said.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && said.to_str().is_ok_and(|said| said.parse() == Ok(length))
    };
    let is_said = {
        let mut said = headers.get_all(header::CONTENT_LENGTH);
        said.next().is_some_and(is_true) && said.next().is_none()
    };
    if !is_said {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
}

fn set(headers: &mut Fields, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
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
    fn addresses_are_as_everybody_writes_them() {
        for text in ["0.0.0.0", "127.0.0.1", "10.20.99.100", "255.249.200.9", "::1", "2001:db8::7"]
        {
            assert_eq!(value_of(text.parse().unwrap()), text);
            assert_eq!(value_of(text.parse().unwrap()), text, "and again");
        }
    }

    #[test]
    fn the_same_goes_on_whether_it_is_kept_or_not() {
        const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (trace, has_state) in [(TRACE, true), ("none", false)] {
            let fields = [
                ("accept", "a"),
                ("x-real-ip", "b"),
                ("accept", "c"),
                ("expect", "100-continue"),
                ("traceparent", trace),
                ("tracestate", "d"),
                ("forwarded", "for=e"),
            ];
            let fields =
                fields.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            let mut exchange = Exchange::vacant();
            exchange.request.headers = fields.into_iter().collect();
            let mut kept = carried(&mut exchange, true);
            assert_eq!(exchange.request.headers.len(), 7);
            let mut sent = carried(&mut exchange, false);
            assert!(exchange.request.headers.is_empty());
            for headers in [&mut kept, &mut sent] {
                assert!(Context::parse(&headers.remove(TRACEPARENT).unwrap()).is_some());
                assert_eq!(headers.remove(TRACESTATE).is_some(), has_state);
                let values: Vec<_> = headers.get_all(header::ACCEPT).collect();
                assert_eq!(values, ["a", "c"]);
                assert_eq!(headers.len(), 2, "{headers:?}");
            }
            assert_eq!(kept, sent);
        }
    }

    #[test]
    fn the_authority_is_told_twice() {
        for host in [None, Some("a.example:80"), Some("A.example:80")] {
            let mut headers = Fields::new();
            headers.extend(host.map(|host| (header::HOST, HeaderValue::from_static(host))));
            set_host(&mut headers, "a.example:80", true);
            assert_eq!(headers[header::HOST], "a.example:80");
            assert_eq!(headers[X_FORWARDED_HOST], "a.example:80");
        }
    }

    #[test]
    fn there_is_one_length() {
        for said in [&[][..], &["5"], &["7"], &["5", "5"], &["x"], &["+5"]] {
            let mut headers = Fields::new();
            for value in said {
                headers.append(header::CONTENT_LENGTH, HeaderValue::from_static(value));
            }
            set_length(&mut headers, 5);
            let all: Vec<_> = headers.get_all(header::CONTENT_LENGTH).collect();
            assert_eq!(all, ["5"]);
        }
    }

    #[test]
    fn rewrites() {
        assert_eq!(stripped("/api/users", "/api"), "/users");
        assert_eq!(stripped("/api", "/api"), "/");
        assert_eq!(stripped("/apis", "/api"), "/apis");
        assert_eq!(stripped("/%61pi/%75sers", "/api"), "/%75sers");
        assert_eq!(stripped("/a/b%20c/d", "/a/b%20c/"), "/d");
        assert_eq!(stripped("/a", "/a/b"), "/a");
        assert_eq!(stripped("/a/b", "/"), "/a/b");
        let params = [("id".into(), "a/b?c é".to_owned()), ("rest".into(), "x/y".to_owned())];
        assert_eq!(filled("/v2/{id}/{*rest}", &params), "/v2/a%2Fb%3Fc%20%C3%A9/x/y");
    }
}
