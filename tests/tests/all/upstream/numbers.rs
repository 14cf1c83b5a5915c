//! What `/metrics` says of an upstream.

use torana_tests::{Backend, Gateway, Unused, reply};

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
async fn a_request_without_an_answer_is_counted_too() {
    let nobody = Unused::new();
    let gateway = Gateway::start(&proxy(&[format!("\"{}\"", nobody.address())], "")).await;
    gateway.client().get("/").await.problem(502);
    let name = "torana_upstream_responses_total{upstream=\"service\",class=\"none\"}";
    assert_eq!(metric(&gateway, name).await, "1");
}
