//! The operator's listener: health, metrics, and what is in service. It only answers; it changes
//! nothing.
//!
//! ```text
//! guard     who may ask
//! status    what is in service, and what was refused
//! config, routes, upstreams, plugins
//!           a page each
//! ```

mod config;
mod guard;
mod plugins;
mod routes;
mod status;
mod upstreams;

pub use status::{InService, Refused, Status};

use std::{
    convert::Infallible,
    io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net;
use tracing::{info, warn};

use crate::telemetry::{Telemetry, classic};

/// What the admin listener shows.
#[derive(Clone)]
pub struct AdminState {
    /// Metrics.
    pub telemetry: Arc<Telemetry>,
    /// The configuration.
    pub status: Arc<ArcSwap<Status>>,
    /// Whether the gateway is about to stop.
    pub leaving: Leaving,
}

/// Said once, when the gateway is told to stop: load balancers are to look elsewhere.
#[derive(Clone, Default)]
pub struct Leaving(Arc<AtomicBool>);

impl Leaving {
    /// From now on the gateway is not ready.
    pub fn say(&self) {
        self.0.store(true, Relaxed);
    }
}

/// A bound admin listener.
pub struct AdminListener {
    socket: net::TcpListener,
}

impl AdminListener {
    /// Listens on a socket that is bound.
    pub fn new(socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        info!(listener = "admin", %address, "listening");
        Ok(Self { socket: net::TcpListener::from_std(socket)? })
    }

    /// Answers until it is dropped.
    pub async fn serve(self, state: AdminState) {
        loop {
            let stream = match self.socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "the admin listener cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let state = state.clone();
            let service = service_fn(move |request| {
                std::future::ready(Ok::<_, Infallible>(answer(&request, &state)))
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

const PAGES: &str = "\
/healthz    alive
/readyz     alive, a configuration is in service, and nobody has said to stop
/metrics    numbers, for Prometheus
/config     the file in service without its secrets, and the last one if it was refused
/routes     what is matched, what runs, where it goes
/upstreams  targets: who is healthy, ejected, busy
/plugins    components: digests, grants, instances, calls
";

fn answer(request: &Request<Incoming>, state: &AdminState) -> Response<Full<Bytes>> {
    let status = state.status.load();
    if let Some(refusal) = guard::refusal(request, &status.service.config) {
        return refusal;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "this listener only answers\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        // Alive: the control thread answers. Ready: a configuration is in service, which is so
        // from the first moment on, for without one there is no listener, until it is to stop.
        "/readyz" if state.leaving.0.load(Relaxed) => {
            text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
        }
        "/healthz" | "/readyz" => text(StatusCode::OK, "ok\n"),
        "/metrics" => metrics(request, &state.telemetry),
        "/config" => json(&config::page(&status)),
        "/routes" => json(&routes::page(&status.service)),
        "/upstreams" => json(&upstreams::page(&status.service)),
        "/plugins" => json(&plugins::page(&status.service)),
        "/" => text(StatusCode::OK, PAGES),
        _ => text(StatusCode::NOT_FOUND, PAGES),
    }
}

/// In OpenMetrics for those who ask for it, as Prometheus does.
fn metrics(request: &Request<Incoming>, telemetry: &Telemetry) -> Response<Full<Bytes>> {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let openmetrics = telemetry.render();
    let mut response = match accept.is_some_and(|a| a.contains("application/openmetrics-text")) {
        true => {
            let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            response(StatusCode::OK, format, openmetrics)
        }
        false => {
            let format = "text/plain; version=0.0.4; charset=utf-8";
            response(StatusCode::OK, format, classic(&openmetrics))
        }
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// For people with curl as much as for programs: in lines.
fn json(page: &Value) -> Response<Full<Bytes>> {
    response(StatusCode::OK, "application/json", format!("{page:#}\n"))
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", body)
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
