//! The operator's listener: metrics and health. It only answers; it changes nothing.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::{
    config::{Admin, Span},
    telemetry::{Telemetry, classic},
};

/// What the admin listener shows.
#[derive(Clone)]
pub struct AdminState {
    /// Metrics.
    pub telemetry: Arc<Telemetry>,
}

/// A bound admin listener.
pub struct AdminListener {
    socket: TcpListener,
    token: Option<Arc<str>>,
}

/// Binds the address.
pub fn bind(admin: &Admin) -> Result<AdminListener, (Span, String)> {
    let bound = std::net::TcpListener::bind(admin.address).and_then(|socket| {
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket)
    });
    let socket = bound.map_err(|error| {
        (admin.address_span, format!("cannot listen on {}: {error}", admin.address))
    })?;
    let address = socket.local_addr().unwrap_or(admin.address);
    info!(listener = "admin", %address, "listening");
    Ok(AdminListener { socket, token: admin.token.clone() })
}

impl AdminListener {
    /// Answers until it is dropped.
    pub async fn serve(self, state: AdminState) {
        loop {
            let stream = match self.socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "the admin listener cannot accept");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (state, token) = (state.clone(), self.token.clone());
            let service = service_fn(move |request| {
                let response = answer(&request, &state, token.as_deref());
                std::future::ready(Ok::<_, Infallible>(response))
            });
            tokio::spawn(async move {
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new()).max_buf_size(16 << 10);
                // An operator's client that goes away is no news.
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }
}

fn answer(
    request: &Request<Incoming>,
    state: &AdminState,
    token: Option<&str>,
) -> Response<Full<Bytes>> {
    if !is_host_of_ours(request) {
        let why = "use an IP address or localhost as the host\n";
        return text(StatusCode::MISDIRECTED_REQUEST, why);
    }
    if !is_allowed(request, token) {
        let mut response = text(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
        let challenge = header::HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return response;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "this listener only answers\n");
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        // Alive: the control thread answers. Ready: a configuration is in service, which is so
        // from the first moment on, for without one there is no listener.
        "/healthz" | "/readyz" => text(StatusCode::OK, "ok\n"),
        "/metrics" => metrics(request, state),
        "/" => text(StatusCode::OK, "/healthz  /readyz  /metrics\n"),
        _ => text(StatusCode::NOT_FOUND, "there is /healthz, /readyz and /metrics\n"),
    }
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

/// In OpenMetrics for those who ask for it, as Prometheus does.
fn metrics(request: &Request<Incoming>, state: &AdminState) -> Response<Full<Bytes>> {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let openmetrics = state.telemetry.render();
    let (body, format) = match accept.is_some_and(|a| a.contains("application/openmetrics-text")) {
        true => (openmetrics, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        false => (classic(&openmetrics), "text/plain; version=0.0.4; charset=utf-8"),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(format));
    headers.insert(header::VARY, header::HeaderValue::from_static("accept"));
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
