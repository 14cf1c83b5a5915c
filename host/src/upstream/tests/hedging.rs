//! A request that goes to two targets.

use std::{future::poll_fn, time::Duration};

use futures_util::future::join_all;
use http::Response;
use tokio::{join, sync::watch};

use super::{OK, Service, build, fails, get, settings, soon, text};
use crate::{
    body::Body,
    config::{self, Hedge, Protocol, Retries, RetryOn},
    upstream::{Upstream, UpstreamError},
};

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

fn hedging(services: &[&Service], after: Duration) -> config::Upstream {
    let addresses: Vec<_> = services.iter().map(|service| service.address()).collect();
    let retries = Retries {
        attempts: 2,
        on: vec![RetryOn::Status(503)],
        budget: 1,
        backoff: Duration::ZERO,
        body: 8,
        hedge: Some(Hedge { after, most: 1 }),
    };
    config::Upstream { retries: Some(retries), ..settings(&addresses) }
}

const SOON: Duration = Duration::from_millis(5);

/// Hedges, and how many of them were faster.
fn hedges(upstream: &Upstream) -> (u64, u64) {
    let stats = upstream.own_stats();
    (stats.hedges, stats.hedges_won)
}

#[tokio::test]
async fn the_second_target_answers_and_the_first_is_let_go() {
    let (slow, fast) = (Service::start().await, Service::start().await);
    let upstream = build(hedging(&[&slow, &fast], SOON));
    let never = async {
        let mut peer = slow.accept().await;
        peer.head().await;
        peer.closed().await;
    };
    let ((), _fast, answer) = join!(never, fast.answer(OK), upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await, (200, "ok".into()));
    assert_eq!(hedges(&upstream), (1, 1));
    assert_eq!(upstream.stats()[0].in_flight, 0);
}

#[tokio::test]
async fn the_first_target_may_still_be_first() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(hedging(&[&one, &two], SOON));
    let late = async {
        let mut first = one.accept().await;
        first.head().await;
        let mut second = two.accept().await;
        second.head().await;
        first.write(OK).await;
        second.closed().await;
        first
    };
    let (_first, answer) = join!(late, upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 200);
    assert_eq!(hedges(&upstream), (1, 0));
}

#[tokio::test]
async fn a_poor_answer_does_not_end_the_wait() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(hedging(&[&one, &two], SOON));
    let serve = async {
        let mut first = one.accept().await;
        first.head().await;
        let second = two.answer(BUSY).await;
        // It is read, and its connection kept.
        while upstream.stats()[1].idle == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        first.write(OK).await;
        (first, second)
    };
    let (_peers, answer) = join!(serve, upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 200);
    assert_eq!(upstream.own_stats().retries, 0);
}

#[tokio::test]
async fn if_all_are_poor_the_last_one_is_the_outcome() {
    let (one, two) = (Service::start().await, Service::start().await);
    let mut settings = hedging(&[&one, &two], SOON);
    settings.retries.as_mut().unwrap().on = vec![RetryOn::Status(502)];
    let upstream = build(settings);
    let serve = async {
        let mut first = one.accept().await;
        first.head().await;
        two.accept().await.head().await;
        drop(first);
    };
    let ((), answer) = join!(serve, upstream.send(get("/"), soon()));
    assert!(matches!(fails(answer), UpstreamError::Protocol { .. }));
}

#[tokio::test]
async fn over_http2_the_loser_is_a_stream_and_no_connection() {
    let (slow, fast) = (Service::start().await, Service::start().await);
    let settings = hedging(&[&slow, &fast], SOON);
    let upstream = build(config::Upstream { protocol: Protocol::H2, ..settings });
    let never = async {
        let mut connection = h2::server::handshake(slow.accept().await.0).await.unwrap();
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        let reset = poll_fn(|cx| {
            assert!(connection.poll_accept(cx).is_pending(), "it stays open, and gets no more");
            respond.poll_reset(cx)
        });
        reset.await.unwrap()
    };
    let at_once = async {
        let mut connection = h2::server::handshake(fast.accept().await.0).await.unwrap();
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        respond.send_response(Response::new(()), true).unwrap();
        let _ = poll_fn(|cx| connection.poll_closed(cx)).await;
    };
    let client = async { join!(never, upstream.send(get("/"), soon())) };
    let (reason, answer) = tokio::select! {
        () = at_once => unreachable!("its connection is kept"),
        both = client => both,
    };
    assert_eq!(answer.unwrap().head.status, 200);
    assert_eq!(reason, h2::Reason::CANCEL);
    assert_eq!(upstream.stats()[0].open, 1);
}

#[tokio::test]
async fn what_may_not_be_repeated_goes_to_one() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(hedging(&[&one, &two], Duration::from_millis(1)));
    let post = http::Request::post("/").body(Body::Empty).unwrap().into();
    let mut upgrade = get("/");
    upgrade.head.headers.insert("upgrade", "websocket".parse().unwrap());
    for (service, request) in [(&one, post), (&two, upgrade)] {
        let serve = async {
            let mut peer = service.accept().await;
            peer.head().await;
            // Long enough for another one to be asked.
            tokio::time::sleep(Duration::from_millis(20)).await;
            peer.write(OK).await;
            peer
        };
        let (_peer, answer) = join!(serve, upstream.send(request, soon()));
        assert_eq!(text(answer).await.0, 200);
    }
    assert_eq!(hedges(&upstream), (0, 0));
}

#[tokio::test]
async fn a_target_that_is_not_fit_is_no_second_one() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(hedging(&[&one, &two], Duration::from_millis(1)));
    upstream.targets[1].healthy.store(false, std::sync::atomic::Ordering::Relaxed);
    let serve = async {
        let mut peer = one.accept().await;
        peer.head().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        peer.write(OK).await;
        peer
    };
    let (_peer, answer) = join!(serve, upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 200);
    assert_eq!(hedges(&upstream), (0, 0));
}

/// Connections that could not be made, by target.
fn failures(upstream: &Upstream) -> Vec<u64> {
    upstream.stats().iter().map(|target| target.connect_failures).collect()
}

/// Waits until a target's connection has failed.
async fn failed_at(upstream: &Upstream, target: usize) {
    let failed = async {
        while failures(upstream)[target] == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), failed).await.expect("it fails");
}

/// Over TLS, whose handshake these services never begin, so that connecting lasts until they close.
fn connecting(services: &[&Service]) -> config::Upstream {
    config::Upstream { tls: Some(config::UpstreamTls::default()), ..hedging(services, SOON) }
}

#[tokio::test]
async fn one_that_moves_on_leaves_the_others_target_to_it() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(connecting(&[&one, &two]));
    let client = async { fails(upstream.send(get("/"), soon()).await) };
    let serve = async {
        let (first, second) = (one.accept().await, two.accept().await);
        drop(first);
        failed_at(&upstream, 0).await;
        drop((second, two));
    };
    let (error, ()) = join!(client, serve);
    assert!(matches!(error, UpstreamError::Connect { .. }), "{error}");
    assert_eq!(failures(&upstream), [1, 1]);
    assert_eq!(hedges(&upstream), (1, 0));
}

#[tokio::test]
async fn one_that_moves_on_goes_where_nobody_is() {
    let (one, two, three) =
        (Service::start().await, Service::start().await, Service::start().await);
    let mut settings = connecting(&[&one, &two, &three]);
    // By these weights it is the second one's turn twice.
    settings.targets.iter_mut().zip([3, 2, 1]).for_each(|(target, weight)| target.weight = weight);
    let upstream = build(settings);
    let client = async { fails(upstream.send(get("/"), soon()).await) };
    let serve = async {
        let (first, second) = (one.accept().await, two.accept().await);
        drop(first);
        failed_at(&upstream, 0).await;
        let third = three.accept().await;
        drop((second, third));
    };
    let (error, ()) = join!(client, serve);
    assert!(matches!(error, UpstreamError::Connect { .. }), "{error}");
    assert_eq!(failures(&upstream), [1, 1, 1]);
}

/// Answers everything once it is released.
async fn when_released(service: &Service, released: watch::Receiver<bool>) {
    loop {
        let (mut peer, mut released) = (service.accept().await, released.clone());
        tokio::spawn(async move {
            peer.head().await;
            let _ = released.wait_for(|released| *released).await;
            peer.write(OK).await;
            peer.closed().await;
        });
    }
}

#[tokio::test]
async fn the_budget_is_an_end_of_hedging() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(hedging(&[&one, &two], SOON));
    let (release, released) = watch::channel(false);
    let decided = || hedges(&upstream).0 + upstream.own_stats().retry_budget_exhausted;
    let client = join_all((0..60).map(|_| upstream.send(get("/"), soon())));
    let releaser = async {
        while decided() < 60 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        release.send(true).unwrap();
    };
    let answers = tokio::select! {
        ((), answers) = async { join!(releaser, client) } => answers,
        _ = async { join!(when_released(&one, released.clone()), when_released(&two, released)) } => unreachable!(),
    };
    for answer in answers {
        assert_eq!(text(answer).await.0, 200);
    }
    let stats = upstream.own_stats();
    // Ten in each second are free, and one of a hundred requests is earned.
    assert!(stats.hedges >= 10 && stats.retry_budget_exhausted > 0, "{stats:?}");
}
