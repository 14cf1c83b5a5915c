//! Who may ask.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;

use super::text;
use crate::config::Config;

/// The answer to a request that is not let in.
pub(super) fn refusal(
    request: &Request<Incoming>,
    config: &Config,
) -> Option<Response<Full<Bytes>>> {
    if !is_host_of_ours(request) {
        let why = "use an IP address or localhost as the host\n";
        return Some(text(StatusCode::MISDIRECTED_REQUEST, why));
    }
    let token = config.admin.as_ref().and_then(|admin| admin.token.as_deref());
    if !is_allowed(request, token) {
        let mut response = text(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
        let challenge = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return Some(response);
    }
    None
}

/// A web page that an operator visits can make requests to this address under a name of its own
/// (DNS rebinding); it cannot make the browser say an address or `localhost`.
fn is_host_of_ours(request: &Request<Incoming>) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(authority) = host.and_then(|h| h.parse::<http::uri::Authority>().ok()) else {
        return false;
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Health is for load balancers, which have no token.
fn is_allowed(request: &Request<Incoming>, token: Option<&str>) -> bool {
    let Some(token) = token else { return true };
    if matches!(request.uri().path(), "/healthz" | "/readyz") {
        return true;
    }
    let given = request.headers().get(header::AUTHORIZATION).map(|v| v.as_bytes());
    let given = given.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
    aws_lc_rs::constant_time::verify_slices_are_equal(given, token.as_bytes()).is_ok()
}
