//! Targets that die and come back.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use futures_util::future::join_all;
use torana_tests::{Backend, Client, Fault, Gateway, Unused, Wire, reply, within};

use super::before;
use crate::guests::wait_for_metric;

const TROUBLE: &str = r#"
retries = { attempts = 3, on = ["connect", "reset"], budget = "100%", backoff = "1ms" }
eject = { failures = 3, for = "300ms", ramp = "0ms" }
"#;

/// A service with its own name, that takes a little while: some requests are always in flight.
async fn named(name: &'static str) -> Backend {
    Backend::start_async(move |_| async move {
        torana_tests::pause(Duration::from_millis(2)).await;
        reply(200, name)
    })
    .await
}

/// Asks again and again until it is to stop; gives how many were answered, all of them with 200.
async fn load(client: Client, stop: &AtomicBool) -> usize {
    let mut answered = 0;
    while !stop.load(SeqCst) {
        let answer = client.get("/").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answered += 1;
    }
    answered
}

#[tokio::test]
async fn a_target_that_is_killed_and_comes_back_costs_no_request() {
    let (a, b) = (named("a").await, named("b").await);
    let (mut wire, steady) = (Wire::to(a.address()).await, Wire::to(b.address()).await);
    let gateway = Gateway::start(&before(&[wire.address(), steady.address()], TROUBLE)).await;
    let stop = AtomicBool::new(false);
    let load = join_all((0..8).map(|_| load(gateway.client(), &stop)));
    let story = async {
        let target = format!("target=\"{}\"", wire.address());
        for _ in 0..2 {
            let seen = a.received().len();
            within("requests at the target", a.wait_for(seen + 20)).await;
            wire.set(Fault::Refuse).await;
            // It is passed over: ejected, or set aside after connections that it did not take.
            wait_for_metric(&gateway, "torana_upstream_healthy", &[&target], 0.0).await;
            wire.set(Fault::Pass).await;
        }
        let seen = a.received().len();
        within("requests at the target", a.wait_for(seen + 20)).await;
        stop.store(true, SeqCst);
    };
    let (answered, ()) = tokio::join!(load, story);
    assert!(answered.iter().all(|count| *count > 0), "{answered:?}");
    gateway.at_rest().await;
}

#[tokio::test]
async fn after_an_ejection_nothing_meets_the_dead_target() {
    let (a, b) = (named("a").await, named("b").await);
    let mut wire = Wire::to(a.address()).await;
    let eject = "eject = { failures = 1, for = \"1h\" }\nretries = { on = [\"reset\"] }";
    let gateway = Gateway::start(&before(&[wire.address(), b.address()], eject)).await;
    let client = gateway.client();
    assert_eq!([client.get("/").await.text(), client.get("/").await.text()].concat().len(), 2);
    wire.set(Fault::Mute).await;
    wire.set(Fault::Refuse).await;
    client.get("/").await;
    client.get("/").await;
    let target = format!("target=\"{}\"", wire.address());
    wait_for_metric(&gateway, "torana_upstream_ejected", &[&target], 1.0).await;
    // It would take connections again, and is not asked.
    wire.set(Fault::Mute).await;
    let connections = wire.connections();
    for _ in 0..20 {
        assert_eq!(client.post("/", "is sent once").await.text(), "b");
    }
    assert_eq!(wire.connections(), connections);
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn where_all_targets_are_dead_the_answer_is_quick_and_nothing_is_left() {
    let (a, b) = (Unused::new(), Unused::new());
    let gateway = Gateway::start(&before(&[a.address(), b.address()], TROUBLE)).await;
    let client = gateway.client();
    for _ in 0..20 {
        client.get("/").await.problem(502);
    }
    drop(client);
    gateway.at_rest().await;
}
