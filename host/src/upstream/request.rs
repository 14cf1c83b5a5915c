//! The request as each protocol wants it. The proxy gives origin-form and Host.

use http::{
    HeaderValue, Uri, Version,
    header::{HOST, TE},
    uri::{Authority, PathAndQuery, Scheme},
};

use super::target::Target;
use crate::{
    body::Body,
    config::{self, HostField},
    heads::Request,
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
            Some(HostField::Client) | None if request.head.headers.contains(HOST) => Self::Request,
            Some(HostField::Client) | None => Self::Target,
        }
    }
}

/// RFC 9112, 3.2.1: the target is path and query, the authority is in Host.
pub(super) fn for_http1(request: &mut Request<Body>, target: &Target, host: HostOf) {
    request.head.version = Version::HTTP_11;
    if let Some(authority) = request.head.uri.authority() {
        // A second attempt, and the first was HTTP/2.
        let host = HeaderValue::from_str(authority.as_str()).ok();
        let path = path_and_query(&request.head.uri);
        request.head.uri = Uri::from(path);
        request.head.headers.extend(host.map(|host| (HOST, host)));
        request.head.headers.remove(TE);
    }
    if host == HostOf::Target {
        request.head.headers.insert(HOST, target.host_header.clone());
    }
}

/// RFC 9113, 8.3.1: the authority is in `:authority`, and Host is not sent beside it.
pub(super) fn for_http2(request: &mut Request<Body>, target: &Target, https: bool, host: HostOf) {
    request.head.version = Version::HTTP_2;
    if request.head.uri.authority().is_some() && host == HostOf::Request {
        return;
    }
    let own = request.head.headers.remove(HOST).filter(|_| host == HostOf::Request);
    let authority = own.and_then(|own| Authority::try_from(own.as_bytes()).ok());
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if https { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority.unwrap_or_else(|| target.authority.clone()));
    parts.path_and_query = Some(path_and_query(&request.head.uri));
    if let Ok(uri) = Uri::from_parts(parts) {
        request.head.uri = uri;
    }
    // Trailers are no trouble in HTTP/2, and gRPC does not answer without this.
    request.head.headers.insert(TE, HeaderValue::from_static("trailers"));
}

/// The same request again, if its body can be sent again.
pub(super) fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let body = match &request.body {
        Body::Empty => Body::Empty,
        Body::Full(bytes) => Body::Full(bytes.clone()),
        Body::Stream(_) | Body::Boxed(_) => return None,
    };
    let mut copy = Request::new(body);
    copy.head.method = request.head.method.clone();
    copy.head.uri = request.head.uri.clone();
    copy.head.headers = request.head.headers.clone();
    Some(copy)
}

fn path_and_query(uri: &Uri) -> PathAndQuery {
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
}
