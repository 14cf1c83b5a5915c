//! Who may ask.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header, uri::Authority};
use http_body_util::Full;
use hyper::body::Incoming;
use tracing::info;

use super::text;
use crate::config::Config;

/// The answer to a request that is not let in.
pub(super) fn refusal(
    request: &Request<Incoming>,
    config: &Config,
) -> Option<Response<Full<Bytes>>> {
    if is_about_health(request) {
        return None;
    }
    let token = config.admin.as_ref().and_then(|admin| admin.token.as_deref());
    match token {
        Some(token) if has_token(request, token) => None,
        Some(_) if is_host_of_ours(request) => Some(token_needed()),
        None if is_host_of_ours(request) => None,
        _ => Some(misdirected(request)),
    }
}

/// Balancers and orchestrators ask by whatever name they know the gateway, have no token, and learn nothing that a
/// connection would not tell.
fn is_about_health(request: &Request<Incoming>) -> bool {
    matches!(request.uri().path(), "/healthz" | "/readyz")
}

/// Whoever knows the token is no web page.
fn has_token(request: &Request<Incoming>, token: &str) -> bool {
    let given = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let given = given.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
    aws_lc_rs::constant_time::verify_slices_are_equal(given, token.as_bytes()).is_ok()
}

/// A web page that an operator visits can make requests to this address under a name of its own
/// (DNS rebinding); it cannot make the browser say an address or `localhost`, nor nothing at all.
fn is_host_of_ours(request: &Request<Incoming>) -> bool {
    let Some(host) = request.headers().get(header::HOST) else { return true };
    let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
    })
}

fn token_needed() -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn misdirected(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (host, path) = (request.headers().get(header::HOST), request.uri().path());
    info!(
        ?host,
        path, "refused on the admin address: its host is neither an address nor localhost"
    );
    text(
        StatusCode::MISDIRECTED_REQUEST,
        "use an IP address or localhost as the host, or the bearer token\n",
    )
}
