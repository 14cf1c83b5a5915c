//! Responses that break off behind a good head, and whose fault that is.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Frame;
use tokio::join;

use super::{OK, Peer, Service, build, get, settings, soon, text};
use crate::{
    body::{Body, BodyError},
    config::{self, Breaker, Eject},
    upstream::{BreakerState, Upstream},
};

/// The beginning of an answer of four bytes.
const BEGUN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab";

/// Two failures eject the one target.
fn ejecting(service: &Service) -> config::Upstream {
    let eject = Eject {
        failures: 2,
        window: Duration::from_secs(60),
        period: Duration::from_secs(60),
        most: 100,
        ramp: Duration::ZERO,
    };
    config::Upstream { eject: Some(eject), ..settings(&[service.address()]) }
}

/// Why the body broke off; the service is left to the test.
async fn broken(upstream: &Upstream, deadline: Instant) -> BodyError {
    let answer = upstream.send(get("/"), deadline).await;
    let body = answer.unwrap_or_else(|error| panic!("a head: {error}")).body;
    body.collect(1 << 20).await.expect_err("it breaks off")
}

/// Of the one target: what was counted, and whether it is ejected.
fn seen(upstream: &Upstream) -> ([u64; 3], bool) {
    let stats = &upstream.stats()[0];
    (stats.broken, stats.ejected.is_some())
}

async fn closes(service: &Service) {
    drop(service.answer(BEGUN).await);
}

#[tokio::test]
async fn a_target_that_breaks_off_what_it_began_has_failed() {
    let service = Service::start().await;
    let upstream = build(ejecting(&service));
    for expected in [([1, 0, 0], false), ([2, 0, 0], true)] {
        let (why, ()) = join!(broken(&upstream, soon()), closes(&service));
        assert!(matches!(why, BodyError::Aborted(_)), "{why}");
        assert_eq!(seen(&upstream), expected);
    }
}

#[tokio::test]
async fn one_that_was_whole_in_between_is_to_its_credit() {
    let service = Service::start().await;
    let upstream = build(ejecting(&service));
    join!(broken(&upstream, soon()), closes(&service));
    let in_pieces = async {
        let mut peer = service.answer(BEGUN).await;
        // Not before it was seen that there is more to come.
        while upstream.stats()[0].answers[1] < 2 {
            tokio::task::yield_now().await;
        }
        peer.write("cd").await;
        peer
    };
    let (peer, answer) =
        join!(in_pieces, async { text(upstream.send(get("/"), soon()).await).await });
    assert_eq!(answer, (200, "abcd".into()));
    drop(peer);
    join!(broken(&upstream, soon()), closes(&service));
    assert_eq!(seen(&upstream), ([2, 0, 0], false));
}

#[tokio::test]
async fn silence_is_a_failure_but_not_while_it_waits_for_the_request() {
    let service = Service::start().await;
    let idle_timeout = Duration::from_millis(20);
    let upstream = build(config::Upstream { idle_timeout, ..ejecting(&service) });
    let (why, _peer) = join!(broken(&upstream, soon()), service.answer(BEGUN));
    assert!(matches!(why, BodyError::Timeout), "{why}");
    let (why, peer) = join!(broken(&upstream, soon()), service.answer(BEGUN));
    assert!(matches!(why, BodyError::Timeout), "{why}");
    assert_eq!(seen(&upstream), ([0, 2, 0], true));
    drop(peer);

    let upstream = build(config::Upstream { idle_timeout, ..ejecting(&service) });
    for _ in 0..2 {
        let drops = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Some((Ok::<_, BodyError>(Frame::data(Bytes::from_static(b"drop"))), ()))
        });
        let body = Body::boxed(http_body_util::StreamBody::new(Box::pin(drops)));
        let request = http::Request::post("/").body(body).unwrap().into();
        let exchange = async {
            let answer = upstream.send(request, soon()).await.unwrap_or_else(|why| panic!("{why}"));
            answer.body.collect(1 << 20).await.expect_err("it breaks off")
        };
        let (why, _peer) = join!(exchange, service.answer(BEGUN));
        assert!(matches!(why, BodyError::Timeout), "{why}");
    }
    assert_eq!(seen(&upstream), ([0, 2, 0], false));
}

#[tokio::test]
async fn a_body_that_flows_when_the_time_is_over_is_no_failure() {
    let service = Service::start().await;
    let upstream = build(ejecting(&service));
    let flows = async |mut peer: Peer| {
        peer.head().await;
        peer.write("HTTP/1.1 200 OK\r\n\r\n").await;
        while tokio::io::AsyncWriteExt::write_all(&mut peer.0, b"more").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    for _ in 0..2 {
        let deadline = Instant::now() + Duration::from_millis(50);
        let (why, ()) =
            join!(broken(&upstream, deadline), async { flows(service.accept().await).await });
        assert!(matches!(why, BodyError::Deadline { .. }), "{why}");
    }
    assert_eq!(seen(&upstream), ([0, 0, 2], false));
}

#[tokio::test]
async fn nor_is_one_that_is_silent_and_may_be() {
    let service = Service::start().await;
    let upstream = build(ejecting(&service));
    for _ in 0..2 {
        let deadline = Instant::now() + Duration::from_millis(50);
        let (why, _peer) = join!(broken(&upstream, deadline), service.answer(BEGUN));
        assert!(matches!(why, BodyError::Deadline { .. }), "{why}");
    }
    assert_eq!(seen(&upstream), ([0, 0, 2], false));
}

#[tokio::test]
async fn whoever_leaves_blames_nobody() {
    let service = Service::start().await;
    let upstream = build(ejecting(&service));
    for _ in 0..3 {
        let (answer, mut peer) = join!(upstream.send(get("/"), soon()), service.answer(BEGUN));
        drop(answer);
        peer.closed().await;
    }
    assert_eq!(seen(&upstream), ([0, 0, 0], false));
}

#[tokio::test]
async fn a_request_that_breaks_off_is_not_the_services_fault() {
    let service = Service::start().await;
    let upstream = build(ejecting(&service));
    for _ in 0..2 {
        let (fails, may_fail) = tokio::sync::oneshot::channel::<()>();
        let pieces = futures_util::stream::once(async move {
            let _ = may_fail.await;
            Err::<Frame<Bytes>, _>(BodyError::Aborted("the client left".into()))
        });
        let body = Body::boxed(http_body_util::StreamBody::new(Box::pin(pieces)));
        let request = http::Request::post("/").body(body).unwrap().into();
        let exchange = async {
            let answer = upstream.send(request, soon()).await.unwrap_or_else(|why| panic!("{why}"));
            let _ = fails.send(());
            answer.body.collect(1 << 20).await.expect_err("it breaks off")
        };
        let serve = async {
            let mut peer = service.answer(BEGUN).await;
            // The request's end comes without its last chunk.
            peer.closed().await;
        };
        let (why, ()) = join!(exchange, serve);
        assert!(matches!(why, BodyError::Request(_)), "{why}");
    }
    assert_eq!(seen(&upstream), ([0, 0, 0], false));
}

#[tokio::test]
async fn the_breaker_hears_of_it() {
    let service = Service::start().await;
    let breaker = Breaker {
        failures: 100,
        requests: 2,
        window: Duration::from_secs(600),
        period: Duration::from_secs(600),
        probes: 1,
    };
    let settings = config::Upstream { breaker: Some(breaker), ..settings(&[service.address()]) };
    let upstream = build(settings);
    let state = || upstream.own_stats().breaker.expect("there is one").state;
    for expected in [BreakerState::Closed, BreakerState::Open] {
        join!(broken(&upstream, soon()), closes(&service));
        assert_eq!(state(), expected);
    }
}

#[tokio::test]
async fn a_failure_whose_body_breaks_off_too_is_one() {
    let service = Service::start().await;
    let upstream = build(ejecting(&service));
    let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nno";
    for expected in [([1, 0, 0], false), ([2, 0, 0], true)] {
        join!(broken(&upstream, soon()), async { drop(service.answer(busy).await) });
        assert_eq!(seen(&upstream), expected);
    }
}

#[tokio::test]
async fn a_failure_with_a_whole_body_stays_one() {
    let service = Service::start().await;
    let upstream = build(ejecting(&service));
    let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno";
    let serve = async {
        let mut peer = service.answer(OK).await;
        peer.answer(busy).await;
        peer.answer(busy).await;
        peer
    };
    let ask = async {
        for _ in 0..3 {
            text(upstream.send(get("/"), soon()).await).await;
        }
    };
    let (_peer, ()) = join!(serve, ask);
    assert_eq!(seen(&upstream), ([0, 0, 0], true));
}
