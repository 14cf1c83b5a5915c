//! What is done about targets that fail: retries, ejection and limits.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Frame;
use tokio::{io::AsyncReadExt as _, join};

use super::{OK, Peer, Service, build, fails, get, nowhere, settings, soon, text};
use crate::{
    body::{Body, BodyError},
    config::{self, Eject, Retries, RetryOn, UpstreamLimits},
    heads::Request,
    upstream::{Phase, UpstreamError},
};

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

fn retrying(services: &[&Service], on: &[RetryOn]) -> config::Upstream {
    let addresses: Vec<_> = services.iter().map(|service| service.address()).collect();
    let mut settings = settings(&addresses);
    settings.retries = Some(Retries {
        attempts: 2,
        on: on.to_vec(),
        budget: 20,
        backoff: Duration::from_millis(1),
        body: 8,
        hedge: None,
    });
    settings
}

/// A body of this length that comes in pieces.
fn pieces(frames: Vec<&'static str>) -> Body {
    struct Sized(Body, u64);
    impl http_body::Body for Sized {
        type Data = Bytes;
        type Error = BodyError;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            std::pin::Pin::new(&mut self.0).poll_frame(cx)
        }
        fn size_hint(&self) -> http_body::SizeHint {
            http_body::SizeHint::with_exact(self.1)
        }
    }
    let length = frames.iter().map(|frame| frame.len() as u64).sum();
    let frames = frames.into_iter().map(|text| Ok(Frame::data(Bytes::from(text))));
    let stream = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
    Body::boxed(Sized(Body::boxed(stream), length))
}

fn request(method: &str, body: Body) -> Request<Body> {
    http::Request::builder().method(method).uri("/").body(body).unwrap().into()
}

#[tokio::test]
async fn another_target_answers_for_one_that_is_busy() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(retrying(&[&one, &two], &[RetryOn::Status(503)]));
    let (mut first, _second, answer) =
        join!(one.answer(BUSY), two.answer(OK), upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await, (200, "ok".into()));
    assert_eq!(upstream.own_stats().retries, 1);
    // The first one's answer was read, so its connection was kept.
    assert_eq!(upstream.stats()[0].idle, 1);
    let (_, answer) = join!(first.answer(OK), upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 200);
}

#[tokio::test]
async fn the_last_answer_is_the_answer() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(retrying(&[&one, &two], &[RetryOn::Status(503)]));
    let (_one, _two, answer) =
        join!(one.answer(BUSY), two.answer(BUSY), upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 503);
}

#[tokio::test]
async fn one_target_gets_it_again() {
    let service = Service::start().await;
    let upstream = build(retrying(&[&service], &[RetryOn::Reset]));
    let serve = async {
        service.accept().await.head().await;
        service.answer(OK).await
    };
    let (_peer, answer) = join!(serve, upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 200);
}

#[tokio::test]
async fn what_is_not_safe_or_not_asked_for_is_not_sent_again() {
    let service = Service::start().await;
    let mut settings = retrying(&[&service], &[RetryOn::Status(503)]);
    settings.keep_connections = 0;
    let upstream = build(settings);
    for (method, body) in [
        ("POST", Body::Empty),
        ("PATCH", Body::from(Bytes::from("x"))),
        ("PUT", pieces(vec!["too long", "!"])),
    ] {
        let (_peer, answer) =
            join!(service.answer(BUSY), upstream.send(request(method, body), soon()));
        assert_eq!(text(answer).await.0, 503, "{method}");
    }
    let other = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
    let (_peer, answer) = join!(service.answer(other), upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 500);
    // A connection that breaks is another reason.
    let (_, answer) =
        join!(async { service.accept().await.head().await }, upstream.send(get("/"), soon()));
    assert!(matches!(fails(answer), UpstreamError::Protocol { .. }));
    assert_eq!(upstream.own_stats().retries, 0);
}

#[tokio::test]
async fn a_short_body_is_kept() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(retrying(&[&one, &two], &[RetryOn::Status(503)]));
    let put = request("PUT", pieces(vec!["in ", "parts"]));
    let read = async |service: &Service, response: &str| {
        let mut peer = service.accept().await;
        peer.head().await;
        let mut body = [0; 8];
        peer.0.read_exact(&mut body).await.unwrap();
        peer.write(response).await;
        (body, peer)
    };
    let (first, second, answer) =
        join!(read(&one, BUSY), read(&two, OK), upstream.send(put, soon()));
    assert_eq!(text(answer).await.0, 200);
    assert_eq!((&first.0, &second.0), (b"in parts", b"in parts"));
}

#[tokio::test]
async fn an_attempt_that_is_too_slow_is_given_up() {
    let (one, two) = (Service::start().await, Service::start().await);
    let mut settings = retrying(&[&one, &two], &[RetryOn::Timeout]);
    settings.try_timeout = Some(Duration::from_millis(50));
    let upstream = build(settings);
    let silent = async {
        let mut peer = one.accept().await;
        peer.head().await;
        peer.closed().await;
    };
    let ((), _two, answer) = join!(silent, two.answer(OK), upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 200);
}

#[tokio::test]
async fn the_last_attempts_timeout_is_the_answer() {
    let service = Service::start().await;
    let mut settings = settings(&[service.address()]);
    settings.try_timeout = Some(Duration::from_millis(20));
    let upstream = build(settings);
    let error = fails(upstream.send(get("/"), soon()).await);
    assert!(matches!(error, UpstreamError::Timeout { phase: Phase::Try, .. }), "{error}");
    let deadline = Instant::now() + Duration::from_millis(5);
    let error = fails(upstream.send(get("/"), deadline).await);
    assert!(matches!(error, UpstreamError::Timeout { phase: Phase::Total, .. }), "{error}");
}

#[tokio::test]
async fn a_request_that_was_not_sent_may_be_of_any_kind() {
    let mut settings = settings(&[nowhere().await]);
    settings.retries = retrying(&[], &[RetryOn::Connect]).retries;
    let upstream = build(settings);
    let error = fails(upstream.send(request("POST", Body::from(Bytes::from("x"))), soon()).await);
    assert!(matches!(error, UpstreamError::Connect { .. }), "{error}");
    assert_eq!((upstream.own_stats().retries, upstream.stats()[0].connect_failures), (1, 2));
}

#[tokio::test]
async fn the_budget_is_an_end() {
    let mut settings = settings(&[nowhere().await]);
    let retries = retrying(&[], &[RetryOn::Connect]).retries.unwrap();
    settings.retries =
        Some(Retries { attempts: 10, budget: 1, backoff: Duration::ZERO, ..retries });
    let upstream = build(settings);
    // Ten in each second are free, and this many requests want nine times as many.
    for _ in 0..20 {
        fails(upstream.send(get("/"), soon()).await);
    }
    let stats = upstream.own_stats();
    assert!(stats.retry_budget_exhausted > 0 && stats.retries >= 10, "{stats:?}");
}

fn ejecting(services: &[&Service], most: u32) -> config::Upstream {
    let mut settings = retrying(services, &[]);
    settings.retries = None;
    settings.eject = Some(Eject {
        failures: 2,
        window: Duration::from_secs(60),
        period: Duration::from_secs(60),
        most,
        ramp: Duration::ZERO,
    });
    settings
}

async fn answers(peer: &mut Peer, response: &str, count: usize) {
    for _ in 0..count {
        peer.answer(response).await;
    }
}

#[tokio::test]
async fn a_target_that_fails_is_passed_over() {
    let (bad, good) = (Service::start().await, Service::start().await);
    let upstream = build(ejecting(&[&bad, &good], 50));
    let client = async {
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(text(upstream.send(get("/"), soon()).await).await.0);
        }
        statuses
    };
    let serve_bad = async {
        let mut peer = bad.accept().await;
        answers(&mut peer, BUSY, 2).await;
        peer
    };
    let serve_good = async {
        let mut peer = good.accept().await;
        answers(&mut peer, OK, 6).await;
        peer
    };
    let (_bad, _good, statuses) = join!(serve_bad, serve_good, client);
    assert_eq!(statuses, [503, 200, 503, 200, 200, 200, 200, 200]);
    let stats = &upstream.stats()[0];
    assert_eq!((stats.healthy, stats.ejected.is_some(), stats.ejections), (false, true, 1));
}

#[tokio::test]
async fn never_more_than_most_are_ejected() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(ejecting(&[&one, &two], 50));
    let serve = async |service: &Service, count| {
        let mut peer = service.accept().await;
        answers(&mut peer, BUSY, count).await;
        peer
    };
    let client = async {
        for _ in 0..8 {
            text(upstream.send(get("/"), soon()).await).await;
        }
    };
    // After two failures each, the first one is ejected and the other has to stay.
    let (_one, _two, ()) = join!(serve(&one, 2), serve(&two, 6), client);
    let ejected: Vec<_> = upstream.stats().iter().map(|target| target.ejected.is_some()).collect();
    assert_eq!(ejected, [true, false]);
}

#[tokio::test]
async fn too_few_that_are_fit_do_not_get_everything() {
    let services = [Service::start().await, Service::start().await, Service::start().await];
    let upstream = build(ejecting(&services.each_ref(), 50));
    let set = |index: usize, healthy| {
        let healthy_now = &upstream.targets[index].healthy;
        healthy_now.store(healthy, std::sync::atomic::Ordering::Relaxed);
    };
    set(0, false);
    set(1, false);
    // One of three is less than half: they all take turns.
    let client = async {
        for _ in 0..3 {
            text(upstream.send(get("/"), soon()).await).await;
        }
    };
    let [one, two, three] = &services;
    join!(one.answer(OK), two.answer(OK), three.answer(OK), client);
    assert!(upstream.stats().iter().all(|target| target.requests == 1));
}

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_at_once() {
    let service = Service::start().await;
    let mut settings = settings(&[service.address()]);
    settings.limits = UpstreamLimits { in_flight: Some(1), pending: None };
    let upstream = build(settings);
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab";
    let (mut peer, answer) = join!(service.answer(begun), upstream.send(get("/"), soon()));
    let error = fails(upstream.send(get("/"), soon()).await);
    assert!(matches!(error, UpstreamError::Busy { limit: "in_flight", .. }), "{error}");
    assert!(upstream.own_stats().limits[0].reached);
    peer.write("cd").await;
    assert_eq!(text(answer).await.1, "abcd");
    let (_, answer) = join!(peer.answer(OK), upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 200);
    assert_eq!(upstream.own_stats().limits[0].refused, 1);
}

#[tokio::test]
async fn connections_are_not_dialled_without_end() {
    let service = Service::start().await;
    let mut settings = settings(&[service.address()]);
    settings.limits = UpstreamLimits { in_flight: None, pending: Some(1) };
    let upstream = build(settings);
    let mut first = Box::pin(upstream.send(get("/"), soon()));
    // Polled once it waits for its turn, polled twice it is connecting.
    for _ in 0..2 {
        let pending =
            std::future::poll_fn(|cx| std::task::Poll::Ready(first.as_mut().poll(cx).is_pending()));
        assert!(pending.await);
    }
    let error = fails(upstream.send(get("/"), soon()).await);
    assert!(matches!(error, UpstreamError::Busy { limit: "pending", .. }), "{error}");
    let (_, answer) = join!(service.answer(OK), first);
    assert_eq!(text(answer).await.0, 200);
}
