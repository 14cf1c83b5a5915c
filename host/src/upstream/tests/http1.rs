//! Sending over HTTP/1.1: connections kept, replaced and given up.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt as _;
use tokio::{io::AsyncReadExt as _, join};

use super::{OK, Service, build, fails, get, nowhere, settings, soon, text};
use crate::{
    body::{Body, BodyError},
    heads::Request,
    upstream::{Phase, UpstreamError},
};

/// A body that hyper cannot know to be whole.
fn streamed(frames: Vec<Result<&'static str, BodyError>>) -> Body {
    let frames = frames.into_iter().map(|f| f.map(|text| Frame::data(Bytes::from(text))));
    Body::boxed(http_body_util::StreamBody::new(futures_util::stream::iter(frames)))
}

fn post(body: Body) -> Request<Body> {
    http::Request::post("/").header("host", "service.example").body(body).unwrap().into()
}

#[tokio::test]
async fn a_connection_serves_again_and_again() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let service = async {
        let mut peer = service.answer(OK).await;
        peer.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
        let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n";
        peer.answer(chunks).await;
        peer.write("2\r\ncd\r\n0\r\n\r\n").await;
        (peer.answer(OK).await, peer)
    };
    let client = async {
        assert_eq!(text(upstream.send(get("/1"), soon()).await).await, (200, "ok".into()));
        assert_eq!(text(upstream.send(get("/2"), soon()).await).await, (204, "".into()));
        assert_eq!(text(upstream.send(get("/3"), soon()).await).await, (200, "abcd".into()));
        assert_eq!(text(upstream.send(get("/4"), soon()).await).await, (200, "ok".into()));
    };
    let ((head, _peer), ()) = join!(service, client);
    assert_eq!(head, "GET /4 HTTP/1.1\r\nhost: service.example\r\n\r\n");
    let stats = &upstream.stats()[0];
    assert_eq!((stats.requests, stats.connects, stats.in_flight), (4, 1, 0));
    assert_eq!((stats.open, stats.idle), (1, 1));
}

#[tokio::test]
async fn a_connection_that_was_closed_while_kept_is_replaced() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let (peer, _) =
        join!(service.answer(OK), async { text(upstream.send(get("/"), soon()).await).await });
    // No task runs between this and the next request: nothing has noticed it yet.
    drop(peer);
    let (_, answer) = join!(service.answer(OK), upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await, (200, "ok".into()));
    assert_eq!(upstream.stats()[0].connects, 2);
}

/// The service closes when it has read the second request: nobody can tell whether it acted.
async fn closed_after_second_request(request: Request<Body>) -> Result<(), UpstreamError> {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let serve = async {
        let mut peer = service.answer(OK).await;
        peer.head().await;
        drop(peer);
        service.answer(OK).await
    };
    let client = async {
        text(upstream.send(get("/"), soon()).await).await;
        upstream.send(request, soon()).await
    };
    tokio::select! {
        answer = client => answer.map(|_| ()),
        _ = async { serve.await; std::future::pending::<()>().await } => unreachable!(),
    }
}

#[tokio::test]
async fn only_idempotent_requests_are_repeated() {
    assert!(closed_after_second_request(get("/")).await.is_ok());
    for body in [Body::Empty, Body::from(Bytes::from("x"))] {
        let error = closed_after_second_request(post(body)).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Protocol { .. }), "{error}");
    }
    let streamed_put = http::Request::put("/").body(streamed(vec![Ok("x")])).unwrap().into();
    let error = closed_after_second_request(streamed_put).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn what_was_never_written_is_sent_again_whatever_it_is() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let (peer, answer) = join!(service.answer(OK), upstream.send(get("/"), soon()));
    text(answer).await;
    // The end of the kept connection is known in the same turn of the event loop as this one's byte,
    // and nobody was asked to look at it before the request is there.
    let mut signal = tokio::net::TcpStream::connect(service.address()).await.unwrap();
    let signaller = service.accept().await.0;
    signaller.try_write(b"x").unwrap();
    drop(peer);
    signal.read_u8().await.unwrap();
    let body = streamed(vec![Ok("once")]);
    let serve = async {
        let mut peer = service.answer(OK).await;
        let mut body = [0; 14];
        peer.0.read_exact(&mut body).await.unwrap();
        assert_eq!(&body, b"4\r\nonce\r\n0\r\n\r\n");
        peer
    };
    let (_peer, answer) = join!(serve, upstream.send(post(body), soon()));
    assert_eq!(text(answer).await, (200, "ok".into()));
    assert_eq!((upstream.stats()[0].requests, upstream.stats()[0].connects), (2, 2));
}

#[tokio::test]
async fn a_new_connection_is_not_repeated() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let (_, answer) =
        join!(async { service.accept().await.head().await }, upstream.send(get("/"), soon()));
    let error = fails(answer);
    assert!(matches!(error, UpstreamError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn targets_take_turns_and_dead_ones_are_passed_over() {
    let (one, two, dead) = (Service::start().await, Service::start().await, nowhere().await);
    let upstream = build(settings(&[dead, one.address(), two.address()]));
    let client = async {
        for _ in 0..4 {
            text(upstream.send(get("/"), soon()).await).await;
        }
    };
    let serve = async |service: &Service| {
        let mut peer = service.answer(OK).await;
        peer.answer(OK).await;
    };
    join!(serve(&one), serve(&two), client);
    let stats = upstream.stats();
    // One failure, and then it is set aside.
    assert_eq!((stats[0].connect_failures, stats[0].healthy), (1, false));
    assert_eq!((stats[1].requests, stats[2].requests), (2, 2));
}

#[tokio::test]
async fn all_dead_is_an_error_and_each_request_tries_again() {
    let upstream = build(settings(&[nowhere().await, nowhere().await]));
    for failures in [1, 2] {
        let error = fails(upstream.send(get("/"), soon()).await);
        assert!(matches!(error, UpstreamError::Connect { .. }), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
        assert!(upstream.stats().iter().all(|target| target.connect_failures == failures));
    }
}

#[tokio::test]
async fn a_late_head_is_a_timeout() {
    let service = Service::start().await;
    let mut settings = settings(&[service.address()]);
    settings.head_timeout = Duration::from_millis(20);
    let upstream = build(settings);
    let error = fails(upstream.send(get("/"), soon()).await);
    assert!(matches!(error, UpstreamError::Timeout { phase: Phase::Head, .. }), "{error}");
    // The request's own deadline, where that is sooner.
    let deadline = Instant::now() + Duration::from_millis(5);
    let error = fails(upstream.send(get("/"), deadline).await);
    assert!(matches!(error, UpstreamError::Timeout { phase: Phase::Total, .. }), "{error}");
    // Their connections are not used again.
    let mut peer = service.accept().await;
    peer.closed().await;
    assert_eq!(upstream.stats()[0].in_flight, 0);
}

#[tokio::test]
async fn the_head_is_waited_for_from_the_end_of_the_upload() {
    let service = Service::start().await;
    let mut settings = settings(&[service.address()]);
    settings.head_timeout = Duration::from_millis(60);
    let upstream = build(settings);
    let (send, body) = tokio::sync::mpsc::channel::<()>(1);
    let frames = futures_util::stream::unfold(body, |mut body| async move {
        body.recv().await?;
        Some((Ok::<_, BodyError>(Frame::data(Bytes::from("x"))), body))
    });
    let slow = Body::boxed(http_body_util::StreamBody::new(Box::pin(frames)));
    let upload = async {
        for _ in 0..4 {
            send.send(()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        drop(send);
    };
    let (_, answer, ()) = join!(service.accept(), upstream.send(post(slow), soon()), upload);
    let error = fails(answer);
    assert!(matches!(error, UpstreamError::Timeout { phase: Phase::Head, .. }), "{error}");
}

#[tokio::test]
async fn a_body_that_stalls_breaks_off() {
    let service = Service::start().await;
    let mut settings = settings(&[service.address()]);
    settings.idle_timeout = Duration::from_millis(20);
    let upstream = build(settings);
    let (mut peer, answer) = join!(
        service.answer("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
        upstream.send(get("/"), soon())
    );
    let mut body = answer.unwrap().body;
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
    assert!(matches!(body.frame().await, Some(Err(BodyError::Timeout))));
    drop(body);
    peer.closed().await;
}

#[tokio::test]
async fn the_deadline_holds_for_the_body() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let deadline = Instant::now() + Duration::from_millis(30);
    let (mut peer, answer) = join!(
        service.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        upstream.send(get("/"), deadline)
    );
    let body = answer.unwrap().body;
    let drip = async {
        loop {
            peer.write("1\r\nx\r\n").await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = drip => {}
        end = body.collect(1 << 20) => assert!(matches!(end, Err(BodyError::Deadline { .. }))),
    }
}

#[tokio::test]
async fn a_broken_body_is_an_error_and_not_an_end() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    for response in [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let (peer, answer) = join!(service.answer(response), upstream.send(get("/"), soon()));
        drop(peer);
        let end = answer.unwrap().body.collect(1 << 20).await;
        assert!(matches!(end, Err(BodyError::Aborted(_))), "{end:?}");
    }
    assert_eq!(upstream.stats()[0].idle, 0);
}

#[tokio::test]
async fn a_body_that_nobody_reads_to_its_end_closes_the_connection() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let (mut peer, answer) = join!(
        service.answer("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
        upstream.send(get("/"), soon())
    );
    assert_eq!(upstream.stats()[0].in_flight, 1);
    drop(answer);
    peer.closed().await;
    assert_eq!((upstream.stats()[0].in_flight, upstream.stats()[0].idle), (0, 0));
}

#[tokio::test]
async fn a_client_that_leaves_closes_the_connection() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let mut sent = Box::pin(upstream.send(get("/"), soon()));
    let mut peer = tokio::select! {
        _ = &mut sent => unreachable!(),
        peer = async {
            let mut peer = service.accept().await;
            peer.head().await;
            peer
        } => peer,
    };
    drop(sent);
    peer.closed().await;
}

#[tokio::test]
async fn a_service_that_wants_to_close_is_let_go() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let (mut peer, answer) = join!(service.answer(closing), upstream.send(get("/"), soon()));
    text(answer).await;
    peer.closed().await;
    assert_eq!(upstream.stats()[0].idle, 0);
}

#[tokio::test]
async fn a_request_body_that_fails_is_not_the_services_fault() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let body = streamed(vec![Ok("x"), Err(BodyError::TooLarge(1))]);
    let (mut peer, answer) = join!(service.accept(), upstream.send(post(body), soon()));
    let error = fails(answer);
    assert!(matches!(error, UpstreamError::RequestBody(BodyError::TooLarge(1))), "{error}");
    peer.closed().await;
}

#[tokio::test]
async fn a_request_body_that_stalls_breaks_off() {
    let service = Service::start().await;
    let mut settings = settings(&[service.address()]);
    settings.idle_timeout = Duration::from_millis(20);
    let upstream = build(settings);
    let never = futures_util::stream::pending::<Result<Frame<Bytes>, BodyError>>();
    let body = Body::boxed(http_body_util::StreamBody::new(never));
    let (_peer, answer) = join!(service.accept(), upstream.send(post(body), soon()));
    let error = fails(answer);
    assert!(matches!(error, UpstreamError::RequestBody(BodyError::Timeout)), "{error}");
}

#[tokio::test]
async fn a_kept_connection_is_closed_after_its_time() {
    let service = Service::start().await;
    let mut settings = settings(&[service.address()]);
    settings.keep_alive = Duration::from_millis(20);
    let upstream = build(settings);
    let (mut peer, answer) = join!(service.answer(OK), upstream.send(get("/"), soon()));
    text(answer).await;
    assert_eq!(upstream.stats()[0].idle, 1);
    peer.closed().await;
    assert_eq!((upstream.stats()[0].idle, upstream.stats()[0].open), (0, 0));
}

#[tokio::test]
async fn an_upgrade_is_handed_through() {
    use crate::upstream::Switched;
    use tokio::io::AsyncWriteExt as _;
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhi";
    let mut request = get("/");
    request.head.headers.insert("connection", "upgrade".parse().unwrap());
    request.head.headers.insert("upgrade", "x".parse().unwrap());
    let (mut peer, answer) = join!(service.answer(switch), upstream.send(request, soon()));
    let switched = answer.unwrap().head.extensions.remove::<Switched>().unwrap();
    let (mut tunnel, ahead) = switched.take().unwrap();
    let mut greeting = ahead.to_vec();
    greeting.resize(2, 0);
    tunnel.read_exact(&mut greeting[ahead.len()..]).await.unwrap();
    tunnel.write_all(b"yo").await.unwrap();
    assert_eq!(peer.0.read_u16().await.unwrap(), u16::from_be_bytes(*b"yo"));
    assert_eq!((&greeting[..], upstream.stats()[0].idle), (&b"hi"[..], 0));
}

/// A body whose frames the test sends one by one.
fn by_hand() -> (tokio::sync::mpsc::Sender<&'static str>, Body) {
    let (send, frames) = tokio::sync::mpsc::channel(1);
    let frames = futures_util::stream::unfold(frames, |mut frames| async move {
        let text: &'static str = frames.recv().await?;
        Some((Ok::<_, BodyError>(Frame::data(Bytes::from(text))), frames))
    });
    (send, Body::boxed(http_body_util::StreamBody::new(Box::pin(frames))))
}

#[tokio::test]
async fn a_get_may_have_a_body() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let request = http::Request::get("/").body(streamed(vec![Ok("query")])).unwrap().into();
    let serve = async {
        let mut peer = service.accept().await;
        let head = peer.head().await;
        let mut body = [0; 15];
        peer.0.read_exact(&mut body).await.unwrap();
        peer.write(OK).await;
        (head, body)
    };
    let ((head, body), answer) = join!(serve, upstream.send(request, soon()));
    assert!(head.contains("\r\ntransfer-encoding: chunked\r\n"), "{head}");
    assert_eq!(&body, b"5\r\nquery\r\n0\r\n\r\n");
    assert_eq!(text(answer).await, (200, "ok".into()));
}

#[tokio::test]
async fn a_request_is_sent_to_its_end_while_the_response_is_on_its_way() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let (send, body) = by_hand();
    let serve = async {
        let mut peer = service.answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n").await;
        let mut body = [0; 14];
        peer.0.read_exact(&mut body).await.unwrap();
        peer.write("ok").await;
        (peer, body)
    };
    let client = async {
        let answer = upstream.send(post(body), soon()).await;
        // There is a head, and nobody asks for the body yet.
        send.send("late").await.unwrap();
        drop(send);
        answer
    };
    let ((mut peer, body), answer) = join!(serve, client);
    assert_eq!(&body, b"4\r\nlate\r\n0\r\n\r\n");
    assert_eq!(text(answer).await, (200, "ok".into()));
    join!(peer.answer(OK), async { text(upstream.send(get("/"), soon()).await).await });
    assert_eq!(upstream.stats()[0].connects, 1, "both sides had ended: it was kept");
}

#[tokio::test]
async fn a_request_that_outlives_its_response_is_sent_to_its_end_and_closes() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let (send, body) = by_hand();
    let (mut peer, answer) = join!(service.answer(OK), upstream.send(post(body), soon()));
    assert_eq!(text(answer).await, (200, "ok".into()));
    assert_eq!(upstream.stats()[0].idle, 0);
    send.send("late").await.unwrap();
    drop(send);
    let mut rest = String::new();
    peer.0.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "4\r\nlate\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_kept_connection_that_says_something_unasked_is_not_used() {
    let service = Service::start().await;
    let upstream = build(settings(&[service.address()]));
    let (mut peer, answer) = join!(service.answer(OK), upstream.send(get("/"), soon()));
    text(answer).await;
    peer.write(OK).await;
    peer.closed().await;
    let (peer, answer) = join!(service.answer(OK), upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await, (200, "ok".into()));
    assert_eq!(upstream.stats()[0].connects, 2);
    // Behind a response, in the same piece.
    let twice = format!("{OK}{OK}");
    let (mut peer, answer) = join!(answered(peer, &twice), upstream.send(get("/"), soon()));
    text(answer).await;
    peer.closed().await;
    assert_eq!(upstream.stats()[0].idle, 0);
}

async fn answered(mut peer: super::Peer, response: &str) -> super::Peer {
    peer.answer(response).await;
    peer
}
