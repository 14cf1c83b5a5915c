use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use serde_json::json;
use torana_tests::{Backend, Gateway, reply, within};

use super::{metric, plain, proxy};

/// Whether the breaker is in this state, as metrics tell.
async fn is(gateway: &Gateway, state: &str) -> bool {
    let name = format!("torana_upstream_breaker_state{{upstream=\"service\",state=\"{state}\"}}");
    metric(gateway, &name).await == "1"
}

#[tokio::test]
async fn a_service_in_trouble_is_left_alone_until_it_works_again() {
    let works = Arc::new(AtomicBool::new(false));
    let script = works.clone();
    let service = Backend::start(move |_| match script.load(SeqCst) {
        true => reply(200, "fine"),
        false => reply(503, "trouble"),
    })
    .await;
    let more = "breaker = { failures = \"50%\", requests = 4, for = \"3s\", probes = 2 }";
    let gateway = Gateway::start(&proxy(&plain(&[&service]), more)).await;
    let client = gateway.client();
    assert!(is(&gateway, "closed").await);
    let shown = async || gateway.admin().get("/upstreams").await.json()[0]["breaker"].clone();
    let closed = json!({ "state": "closed", "until_ms": null, "opened": 0, "refused": 0 });
    assert_eq!(shown().await, closed);
    for _ in 0..4 {
        assert_eq!(client.get("/").await.text(), "trouble");
    }
    let refused = client.get("/").await;
    assert_eq!(refused.problem(503)["type"], "urn:torana:problem:circuit-open");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3).contains(&seconds), "{seconds}");
    assert_eq!(service.received().len(), 4, "it is not asked");
    for _ in 0..3 {
        client.get("/").await;
    }
    let open = shown().await;
    assert_eq!((&open["state"], &open["refused"]), (&json!("open"), &json!(4)), "{open:#}");
    assert!((1..=3000).contains(&open["until_ms"].as_u64().unwrap()), "{open:#}");
    assert!(is(&gateway, "open").await && !is(&gateway, "closed").await);
    gateway.wait_for_log("it opening", |line| line.contains("the breaker is open")).await;

    works.store(true, SeqCst);
    let healed = async { while client.get("/").await.status != 200 {} };
    within("the first probe", healed).await;
    assert!(is(&gateway, "half-open").await);
    assert_eq!(shown().await["state"], "half-open");
    assert_eq!(client.get("/").await.text(), "fine");
    assert!(is(&gateway, "closed").await);
    gateway.wait_for_log("probes", |line| line.contains("the breaker is half-open")).await;
    gateway.wait_for_log("it closing", |line| line.contains("the breaker is closed")).await;
    let told =
        gateway.log().lines().iter().filter(|line| line.contains("its breaker is open")).count();
    let refused = shown().await["refused"].as_u64().unwrap();
    assert!(told >= 1 && (told as u64) < refused, "{told} lines for {refused} refusals");
    let name = "torana_upstream_breaker_opened_total{upstream=\"service\"}";
    assert_eq!(metric(&gateway, name).await, "1");
}

#[tokio::test]
async fn an_upstream_without_one_is_asked_again_and_again() {
    let service = Backend::start(|_| reply(503, "trouble")).await;
    let gateway = Gateway::start(&proxy(&plain(&[&service]), "")).await;
    for _ in 0..30 {
        assert_eq!(gateway.client().get("/").await.text(), "trouble");
    }
    let all = gateway.admin().get("/metrics").await;
    assert!(!all.text().contains("torana_upstream_breaker_state{"), "{}", all.text());
}
