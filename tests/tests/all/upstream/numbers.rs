//! What `/metrics` says of an upstream.

use torana_tests::{Backend, Gateway, Unused, reply, within};

use super::{metric, plain, proxy};

#[tokio::test]
async fn requests_are_counted_by_class_and_by_time() {
    let service = Backend::start(|received| match received.target.as_str() {
        "/missing" => reply(404, ""),
        "/broken" => reply(500, ""),
        _ => reply(200, ""),
    })
    .await;
    let gateway = Gateway::start(&proxy(&plain(&[&service]), "")).await;
    let client = gateway.client();
    for target in ["/", "/", "/", "/missing", "/broken", "/missing"] {
        client.get(target).await;
    }
    for (class, count) in [("2xx", "3"), ("3xx", "0"), ("4xx", "2"), ("5xx", "1"), ("none", "0")] {
        let name = "torana_upstream_responses_total";
        let name = format!("{name}{{upstream=\"service\",class=\"{class}\"}}");
        assert_eq!(metric(&gateway, &name).await, count, "{class}");
    }
    let labels = "{upstream=\"service\"}";
    assert_eq!(metric(&gateway, &format!("torana_upstream_seconds_count{labels}")).await, "6");
    let last = "torana_upstream_seconds_bucket{le=\"+Inf\",upstream=\"service\"}";
    assert_eq!(metric(&gateway, last).await, "6");
    let sum = metric(&gateway, &format!("torana_upstream_seconds_sum{labels}")).await;
    assert!(sum.parse::<f64>().unwrap() > 0.0, "{sum}");
}

#[tokio::test]
async fn a_target_that_takes_no_connections_is_told_of_once_and_when_it_does_again() {
    let (good, nobody) = (Backend::start(|_| reply(200, "")).await, Unused::new());
    let address = nobody.address();
    let targets = [format!("\"{address}\""), format!("\"{}\"", good.address())];
    let gateway = Gateway::start(&proxy(&targets, "")).await;
    let client = gateway.client();
    let name = format!("torana_upstream_healthy{{upstream=\"service\",target=\"{address}\"}}");
    assert_eq!(metric(&gateway, &name).await, "1");
    // Until it was tried again, which it is after a second.
    let failures = format!(
        "torana_upstream_connect_failures_total{{upstream=\"service\",target=\"{address}\"}}"
    );
    within("two attempts", async {
        while metric(&gateway, &failures).await.parse::<u64>().unwrap() < 2 {
            assert_eq!(client.get("/").await.status, 200);
        }
    })
    .await;
    assert_eq!(metric(&gateway, &name).await, "0");
    let is_told = |line: &str| {
        line.contains("does not take connections") && line.contains(&address.to_string())
    };
    gateway.wait_for_log("it", is_told).await;
    assert_eq!(gateway.log().lines().iter().filter(|line| is_told(line)).count(), 1);
    drop(nobody);
    let _back = Backend::start_at(address, |_| reply(200, "")).await;
    within("it to be there again", async {
        while metric(&gateway, &name).await == "0" {
            client.get("/").await;
        }
    })
    .await;
    gateway.wait_for_log("that", |line| line.contains("takes connections again")).await;
}

/// Where a retry helps, the upstream as a whole is well: only its targets tell which one is not.
#[tokio::test]
async fn answers_are_counted_for_each_target() {
    let bad = Backend::start(|_| reply(503, "")).await;
    let (good, nobody) = (Backend::start(|_| reply(200, "")).await, Unused::new());
    let targets = [bad.address(), good.address(), nobody.address()];
    let quoted = targets.map(|target| format!("\"{target}\""));
    let retries = "retries = { on = [\"503\"], budget = \"100%\" }";
    let gateway = Gateway::start(&proxy(&quoted, retries)).await;
    let client = gateway.client();
    for _ in 0..4 {
        assert_eq!(client.get("/").await.status, 200);
    }
    let page = gateway.admin().get("/upstreams").await.json();
    let all = [("2xx", [0, 4, 0]), ("5xx", [bad.received().len(), 0, 0]), ("none", [0, 0, 1])];
    for (class, counts) in all {
        for (index, (target, count)) in targets.iter().zip(counts).enumerate() {
            let name = "torana_upstream_target_responses_total";
            let labels = format!("upstream=\"service\",target=\"{target}\",class=\"{class}\"");
            let counted = metric(&gateway, &format!("{name}{{{labels}}}")).await;
            assert_eq!(counted, count.to_string(), "{labels}");
            assert_eq!(page[0]["targets"][index]["answers"][class], count, "{page:#}");
        }
    }
    assert!(bad.received().len() >= 2, "it had its turns");
    let whole = "torana_upstream_responses_total{upstream=\"service\",class=\"5xx\"}";
    assert_eq!(metric(&gateway, whole).await, "0", "callers have seen nothing of it");
}

#[tokio::test]
async fn a_request_without_an_answer_is_counted_too() {
    let nobody = Unused::new();
    let gateway = Gateway::start(&proxy(&[format!("\"{}\"", nobody.address())], "")).await;
    gateway.client().get("/").await.problem(502);
    let name = "torana_upstream_responses_total{upstream=\"service\",class=\"none\"}";
    assert_eq!(metric(&gateway, name).await, "1");
}
