use torana_tests::{Backend, Gateway, RawBackend, Unused, reply, within};

use super::{metric, named, plain, proxy};

#[tokio::test]
async fn a_client_sees_nothing_of_a_target_that_is_busy() {
    let (busy, good) = (Backend::start(|_| reply(503, "busy")).await, named("good").await);
    let toml = proxy(&plain(&[&busy, &good]), "retries = { on = [\"503\"] }");
    let gateway = Gateway::start(&toml).await;
    let client = gateway.client();
    for _ in 0..6 {
        assert_eq!(client.get("/").await.text(), "good");
    }
    let retries = busy.received().len().to_string();
    assert_eq!(
        metric(&gateway, "torana_upstream_retries_total{upstream=\"service\"}").await,
        retries
    );
    // What is not idempotent is sent once.
    let answers = [client.post("/", "a").await.status, client.post("/", "b").await.status];
    assert!(answers.contains(&503) && answers.contains(&200), "{answers:?}");
}

#[tokio::test]
async fn a_target_that_fails_again_and_again_is_ejected() {
    let (bad, good) = (Backend::start(|_| reply(503, "bad")).await, named("good").await);
    let toml = proxy(&plain(&[&bad, &good]), "eject = { failures = 2, for = \"1h\" }");
    let gateway = Gateway::start(&toml).await;
    let client = gateway.client();
    let mut failures = 0;
    for _ in 0..20 {
        failures += usize::from(client.get("/").await.status == 503);
    }
    assert_eq!(failures, 2);
    let labels = format!("{{upstream=\"service\",target=\"{}\"}}", bad.address());
    assert_eq!(metric(&gateway, &format!("torana_upstream_ejected{labels}")).await, "1");
    assert_eq!(metric(&gateway, &format!("torana_upstream_ejections_total{labels}")).await, "1");
    assert_eq!(metric(&gateway, &format!("torana_upstream_healthy{labels}")).await, "0");
    gateway.wait_for_log("the ejection", |line| line.contains("ejected")).await;
    // The same after a reload that changes the upstream.
    gateway.write(&toml.replace("failures = 2", "failures = 3"));
    gateway.signal_reload();
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
    for _ in 0..4 {
        assert_eq!(client.get("/").await.text(), "good");
    }
}

#[tokio::test]
async fn a_service_that_has_enough_to_do_is_left_alone() {
    let (release, released) = tokio::sync::watch::channel(false);
    let slow = Backend::start_async(move |_| {
        let mut released = released.clone();
        async move {
            let _ = released.wait_for(|released| *released).await;
            reply(200, "done")
        }
    })
    .await;
    let toml = proxy(&plain(&[&slow]), "limits = { in_flight = 1 }");
    let gateway = Gateway::start(&toml).await;
    let (held, client) = (gateway.client(), gateway.client());
    let refused = async {
        slow.wait_for(1).await;
        let answer = client.get("/").await;
        let labels = "{upstream=\"service\",limit=\"in_flight\"}";
        let open = metric(&gateway, &format!("torana_upstream_limit_reached{labels}")).await;
        let refused = metric(&gateway, &format!("torana_upstream_refused_total{labels}")).await;
        release.send(true).unwrap();
        (answer, open, refused)
    };
    let both = async { tokio::join!(held.get("/"), refused) };
    let (whole, (answer, open, refused)) = within("both answers", both).await;
    assert_eq!((whole.text(), open.as_str(), refused.as_str()), ("done", "1", "1"));
    assert_eq!(answer.problem(503)["type"], "urn:torana:problem:upstream-busy");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(client.get("/").await.text(), "done");
}

#[tokio::test]
async fn an_attempt_has_its_time() {
    let silent = Backend::start_async(|_| std::future::pending()).await;
    let good = named("good").await;
    let more = "timeouts = { try = \"200ms\" }\nretries = { on = [\"timeout\"] }";
    let gateway = Gateway::start(&proxy(&plain(&[&silent, &good]), more)).await;
    let client = gateway.client();
    for _ in 0..2 {
        assert_eq!(client.get("/").await.text(), "good");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_reason_to_try_again() {
    let broken = RawBackend::answering("").await;
    let good = named("good").await;
    let targets = [format!("\"{}\"", broken.address()), format!("\"{}\"", good.address())];
    let gateway = Gateway::start(&proxy(&targets, "retries = { on = [\"reset\"] }")).await;
    let client = gateway.client();
    for _ in 0..4 {
        assert_eq!(client.get("/").await.text(), "good");
    }
    // Nobody knows whether the service has acted on it.
    let answers = [client.post("/", "a").await.status, client.post("/", "b").await.status];
    assert!(answers.contains(&502) && answers.contains(&200), "{answers:?}");
}

#[tokio::test]
async fn a_target_that_takes_no_connection_is_a_reason_to_try_again_whatever_the_method() {
    let nobody = Unused::new();
    let target = format!("\"{}\"", nobody.address());
    let gateway = Gateway::start(&proxy(&[target], "retries = { on = [\"connect\"] }")).await;
    gateway.client().post("/", "a").await.problem(502);
    let name = "torana_upstream_retries_total{upstream=\"service\"}";
    assert_eq!(metric(&gateway, name).await, "1");
}

#[tokio::test]
async fn retries_end_with_their_budget() {
    let nobody = Unused::new();
    let target = format!("\"{}\"", nobody.address());
    let more =
        "retries = { attempts = 10, on = [\"connect\"], budget = \"1%\", backoff = \"0ms\" }";
    let gateway = Gateway::start(&proxy(&[target], more)).await;
    let client = gateway.client();
    for _ in 0..20 {
        client.get("/").await.problem(502);
    }
    let name = "torana_upstream_retry_budget_exhausted_total{upstream=\"service\"}";
    let exhausted: u64 = metric(&gateway, name).await.parse().unwrap();
    assert!(exhausted > 0, "{exhausted}");
}
