//! What opens a breaker, and what does not.

use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::join;

use super::{OK, Peer, Service, build, fails, get, nowhere, settings, soon, text};
use crate::{
    body::{Body, BodyError},
    config::{self, Breaker, Retries, RetryOn},
    upstream::{BreakerState, Upstream, UpstreamError, Upstreams},
};

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

fn breaking(addresses: &[std::net::SocketAddr]) -> config::Upstream {
    let breaker = Breaker {
        failures: 50,
        requests: 2,
        window: Duration::from_secs(600),
        period: Duration::from_secs(600),
        probes: 1,
    };
    config::Upstream { breaker: Some(breaker), ..settings(addresses) }
}

fn state(upstream: &Upstream) -> BreakerState {
    upstream.own_stats().breaker.unwrap().state
}

async fn answers(service: &Service, responses: &[&str]) -> Peer {
    let mut peer = service.accept().await;
    for response in responses {
        peer.answer(response).await;
    }
    peer
}

#[tokio::test]
async fn answers_that_are_failures_open_it() {
    let service = Service::start().await;
    let upstream = build(breaking(&[service.address()]));
    let client = async {
        for expected in [200, 200, 503, 503] {
            assert_eq!(text(upstream.send(get("/"), soon()).await).await.0, expected);
        }
        fails(upstream.send(get("/"), soon()).await)
    };
    let (_peer, refused) = join!(answers(&service, &[OK, OK, BUSY, BUSY]), client);
    assert!(matches!(refused, UpstreamError::Open { .. }), "{refused}");
    assert_eq!(state(&upstream), BreakerState::Open);
    assert_eq!(upstream.stats()[0].requests, 4, "the fifth was not sent");
}

#[tokio::test]
async fn so_do_connections_that_cannot_be_made_and_timeouts() {
    let upstream = build(breaking(&[nowhere().await]));
    for _ in 0..2 {
        fails(upstream.send(get("/"), soon()).await);
    }
    assert_eq!(state(&upstream), BreakerState::Open);

    let silent = Service::start().await;
    let mut settings = breaking(&[silent.address()]);
    settings.head_timeout = Duration::from_millis(5);
    let upstream = build(settings);
    for _ in 0..2 {
        fails(upstream.send(get("/"), soon()).await);
    }
    assert_eq!(state(&upstream), BreakerState::Open);
}

#[tokio::test]
async fn a_clients_own_fault_is_not_counted() {
    let service = Service::start().await;
    let upstream = build(breaking(&[service.address()]));
    for _ in 0..3 {
        let frames = [Ok(Frame::data(Bytes::from("x"))), Err(BodyError::TooLarge(1))];
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
        let post = http::Request::post("/").body(Body::boxed(body)).unwrap().into();
        let (_peer, answer) = join!(service.accept(), upstream.send(post, soon()));
        assert!(matches!(fails(answer), UpstreamError::RequestBody(_)));
    }
    assert_eq!(state(&upstream), BreakerState::Closed);
}

#[tokio::test]
async fn a_request_that_was_saved_by_a_retry_has_not_failed() {
    let (bad, good) = (Service::start().await, Service::start().await);
    let mut settings = breaking(&[bad.address(), good.address()]);
    settings.retries = Some(Retries {
        attempts: 2,
        on: vec![RetryOn::Status(503)],
        budget: 20,
        backoff: Duration::ZERO,
        body: 0,
        hedge: None,
    });
    let upstream = build(settings);
    let client = async {
        for _ in 0..4 {
            assert_eq!(text(upstream.send(get("/"), soon()).await).await.0, 200);
        }
    };
    join!(
        async { answers(&bad, &[BUSY; 4]).await },
        async { answers(&good, &[OK; 4]).await },
        client
    );
    assert_eq!(state(&upstream), BreakerState::Closed);
}

#[tokio::test]
async fn it_stays_open_over_a_reload() {
    let settings = breaking(&[nowhere().await]);
    let old = Upstreams::build(std::slice::from_ref(&settings), 1, None).unwrap();
    let upstream = old.get("service").unwrap();
    for _ in 0..2 {
        fails(upstream.send(get("/"), soon()).await);
    }
    let changed = config::Upstream { keep_connections: 9, ..settings };
    let new = Upstreams::build(&[changed], 1, Some(&old)).unwrap();
    let upstream = new.get("service").unwrap();
    assert!(matches!(fails(upstream.send(get("/"), soon()).await), UpstreamError::Open { .. }));
}
