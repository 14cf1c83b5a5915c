//! Services that are slow, and services that are silent: the first are waited for, within bounds.

use std::time::Duration;

use torana_tests::{Backend, Fault, Gateway, Wire, reply, request, toml};

use super::before;

const WHOLE: &str = "0123456789012345678901234567890123456789";

async fn service() -> Backend {
    Backend::start(|_| reply(200, WHOLE)).await
}

#[tokio::test]
async fn silence_is_a_504_at_the_head_timeout() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    wire.set(Fault::Mute).await;
    for (more, method) in [
        ("timeouts.head = \"200ms\"", "POST"),
        ("timeouts.head = \"200ms\"", "GET"),
        ("timeouts.try = \"200ms\"", "GET"),
    ] {
        let gateway = Gateway::start(&before(&[wire.address()], more)).await;
        let client = gateway.client();
        let problem = client.send(request(method, "/"), "").await.problem(504);
        assert_eq!(problem["type"], "urn:torana:problem:upstream-timeout", "{more}");
        drop(client);
        gateway.at_rest().await;
    }
}

#[tokio::test]
async fn silence_at_one_target_is_answered_by_another() {
    let (mute, good) = (service().await, service().await);
    let mut wire = Wire::to(mute.address()).await;
    wire.set(Fault::Mute).await;
    let more =
        "timeouts.try = \"200ms\"\nretries = { on = [\"timeout\"] }\neject = { failures = 1 }";
    let gateway = Gateway::start(&before(&[wire.address(), good.address()], more)).await;
    let client = gateway.client();
    for _ in 0..10 {
        assert_eq!(client.get("/").await.text(), WHOLE);
    }
    // One met the silence, then the target was out.
    assert_eq!(mute.received().len(), 1);
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_head_that_trickles_in_is_held_to_the_head_timeout() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let every = Duration::from_millis(20);
    wire.set(Fault::Trickle { bytes: 1, every }).await;
    // The head has some sixty bytes, each of which comes soon enough.
    let more = "timeouts = { head = \"300ms\", idle = \"10s\" }";
    let gateway = Gateway::start(&before(&[wire.address()], more)).await;
    let client = gateway.client();
    client.get("/").await.problem(504);
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_body_that_trickles_in_is_whole_however_long_it_takes() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let gateway = Gateway::start(&before(&[wire.address()], "timeouts.idle = \"1s\"")).await;
    let client = gateway.client();
    // All of it takes longer than the timeout, and none of its bytes does.
    let every = Duration::from_millis(15);
    wire.set(Fault::Trickle { bytes: 1, every }).await;
    let started = std::time::Instant::now();
    assert_eq!(client.get("/").await.text(), WHOLE);
    assert!(started.elapsed() > Duration::from_secs(1), "{:?}", started.elapsed());
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_body_that_trickles_in_too_slowly_breaks_off() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let gateway = Gateway::start(&before(&[wire.address()], "timeouts.idle = \"100ms\"")).await;
    let client = gateway.client();
    // The head, and some of the body, in the first piece.
    wire.set(Fault::Trickle { bytes: 100, every: Duration::from_millis(800) }).await;
    let body = reply(200, "").into_body();
    client.try_send(request("GET", "/"), body).await.expect_err("it is too slow");
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn what_is_late_within_all_bounds_is_fine() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    wire.set(Fault::Delay(Duration::from_millis(100))).await;
    let gateway = Gateway::start(&toml::proxy(wire.address())).await;
    let client = gateway.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").await.text(), WHOLE);
    }
    drop(client);
    gateway.at_rest().await;
}
