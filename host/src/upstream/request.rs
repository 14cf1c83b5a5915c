//! The request as each protocol wants it. The proxy gives origin-form and Host.

use http::{
    HeaderValue, Request, Uri, Version,
    header::{HOST, TE},
    uri::{Authority, PathAndQuery, Scheme},
};

use super::target::Target;
use crate::{
    body::Body,
    config::{self, HostField},
};

/// Whose Host goes out. Asked before the first attempt: later the request has one in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostOf {
    /// The one that the request came with.
    Request,
    /// That of the target that an attempt is at.
    Target,
}

impl HostOf {
    /// A request without one, as plugins make them, has the target's whatever is configured.
    pub(super) fn new(settings: &config::Upstream, request: &Request<Body>) -> Self {
        match &settings.host {
            Some(HostField::Target | HostField::Name(_)) => Self::Target,
            Some(HostField::Client) | None if request.headers().contains_key(HOST) => Self::Request,
            Some(HostField::Client) | None => Self::Target,
        }
    }
}

/// RFC 9112, 3.2.1: the target is path and query, the authority is in Host.
pub(super) fn for_http1(request: &mut Request<Body>, target: &Target, host: HostOf) {
    *request.version_mut() = Version::HTTP_11;
    if let Some(authority) = request.uri().authority() {
        // A second attempt, and the first was HTTP/2.
        let host = HeaderValue::from_str(authority.as_str()).ok();
        let path = path_and_query(request.uri());
        *request.uri_mut() = Uri::from(path);
        request.headers_mut().extend(host.map(|host| (HOST, host)));
        request.headers_mut().remove(TE);
    }
    if host == HostOf::Target {
        request.headers_mut().insert(HOST, target.host_header.clone());
    }
}

/// RFC 9113, 8.3.1: the authority is in `:authority`, and Host is not sent beside it.
pub(super) fn for_http2(request: &mut Request<Body>, target: &Target, https: bool, host: HostOf) {
    *request.version_mut() = Version::HTTP_2;
    if request.uri().authority().is_some() && host == HostOf::Request {
        return;
    }
    let own = request.headers_mut().remove(HOST).filter(|_| host == HostOf::Request);
    let authority = own.and_then(|own| Authority::try_from(own.as_bytes()).ok());
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if https { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority.unwrap_or_else(|| target.authority.clone()));
    parts.path_and_query = Some(path_and_query(request.uri()));
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    // Trailers are no trouble in HTTP/2, and gRPC does not answer without this.
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
}

/// The same request again, if its body can be sent again.
pub(super) fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let body = match request.body() {
        Body::Empty => Body::Empty,
        Body::Full(bytes) => Body::Full(bytes.clone()),
        Body::Stream(_) | Body::Boxed(_) => return None,
    };
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

fn path_and_query(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}
