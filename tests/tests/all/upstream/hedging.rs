use tokio::sync::mpsc;
use torana_tests::{Backend, Gateway, RawBackend, reply, request, within};

use super::{metric, named, plain, proxy};

/// A service that never answers. It says when a request has come, and when its connection is
/// closed.
async fn silent() -> (RawBackend, mpsc::UnboundedReceiver<&'static str>) {
    let (says, said) = mpsc::unbounded_channel();
    let service = RawBackend::start(move |mut connection| {
        let says = says.clone();
        async move {
            connection.head().await;
            let _ = says.send("asked");
            connection.rest().await;
            let _ = says.send("closed");
        }
    })
    .await;
    (service, said)
}

const HEDGE: &str = "retries = { budget = \"1%\", hedge = { after = \"50ms\" } }";

#[tokio::test]
async fn a_client_does_not_wait_for_a_slow_target() {
    let ((slow, mut said), fast) = (silent().await, named("fast").await);
    let targets = [format!("\"{}\"", slow.address()), format!("\"{}\"", fast.address())];
    let gateway = Gateway::start(&proxy(&targets, HEDGE)).await;
    let client = gateway.client();
    for _ in 0..2 {
        assert_eq!(within("an answer", client.get("/")).await.text(), "fast");
    }
    for expected in ["asked", "closed"] {
        assert_eq!(within(expected, said.recv()).await, Some(expected));
    }
    let hedges = metric(&gateway, "torana_upstream_hedges_total{upstream=\"service\"}").await;
    let won = metric(&gateway, "torana_upstream_hedges_won_total{upstream=\"service\"}").await;
    assert_eq!((hedges.as_str(), won.as_str()), ("1", "1"));
}

#[tokio::test]
async fn a_request_that_may_not_be_repeated_waits() {
    let slow = Backend::start_async(|_| async {
        torana_tests::pause(std::time::Duration::from_millis(300)).await;
        reply(200, "slow")
    })
    .await;
    let fast = named("fast").await;
    let gateway = Gateway::start(&proxy(&plain(&[&slow, &fast]), HEDGE)).await;
    let client = gateway.client();
    // They take turns, and each order is sent once.
    let orders = [client.post("/", "order").await, client.post("/", "order").await];
    assert_ne!(orders[0].text(), orders[1].text());
    assert_eq!((slow.received().len(), fast.received().len()), (1, 1));
    // What has an idempotent method, and a body that is kept, goes to both.
    for _ in 0..2 {
        assert_eq!(client.send(request("PUT", "/"), "whole").await.text(), "fast");
    }
    assert_eq!((slow.received().len(), fast.received().len()), (2, 3));
    assert!(fast.received()[1..].iter().all(|received| received.body == "whole"));
}

#[tokio::test]
async fn hedging_ends_with_its_budget() {
    let (release, released) = tokio::sync::watch::channel(false);
    let late = move |_| {
        let mut released = released.clone();
        async move {
            let _ = released.wait_for(|released| *released).await;
            reply(200, "late")
        }
    };
    let backends = [Backend::start_async(late.clone()).await, Backend::start_async(late).await];
    let gateway = Gateway::start(&proxy(&plain(&backends.each_ref()), HEDGE)).await;
    let client = gateway.client();
    let all = futures_util::future::join_all((0..60).map(|_| client.get("/")));
    let exhausted = async {
        let name = "torana_upstream_retry_budget_exhausted_total{upstream=\"service\"}";
        while metric(&gateway, name).await == "0" {
            // Each look is an exchange with the gateway.
        }
        release.send(true).unwrap();
    };
    let (answers, ()) = within("all", async { tokio::join!(all, exhausted) }).await;
    assert!(answers.iter().all(|answer| answer.text() == "late"));
}
