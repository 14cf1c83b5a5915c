//! Problem Details: refusals of the gateway's own.

use torana_tests::{Gateway, Unused, toml};

use super::ok;

#[tokio::test]
async fn s3_a_refusal_is_problem_json_with_its_members() {
    let (_backend, gateway) = ok().await;
    let answer = gateway.client().get("/a%2Fb").await;
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.problem(400);
    assert_eq!(problem["type"], "urn:torana:problem:bad-path");
    assert_eq!(problem["status"], 400);
    assert!(problem["title"].is_string() && problem["detail"].is_string());
}

#[tokio::test]
async fn s3_1_1_a_type_is_a_uri_and_the_same_for_the_same_problem() {
    let nobody = Unused::new();
    let gateway = Gateway::start(&toml::proxy(nobody.address())).await;
    let first = gateway.client().get("/a").await.problem(502);
    let second = gateway.client().get("/b").await.problem(502);
    assert_eq!(first["type"], second["type"]);
    assert_eq!(first["title"], second["title"], "3.1.3: it does not change from one to the next");
    let name = first["type"].as_str().expect("text");
    assert!(name.starts_with("urn:torana:problem:"), "{name}");
}

#[tokio::test]
async fn s3_2_an_extension_names_the_request() {
    let (_backend, gateway) = ok().await;
    let answer = gateway.client().get("/a%2Fb").await;
    let id = answer.header("x-request-id").expect("an id").to_owned();
    assert_eq!(answer.problem(400)["request_id"], id.as_str());
}

#[tokio::test]
async fn s5_a_refusal_shows_nothing_of_the_inside() {
    let nobody = Unused::new();
    let gateway = Gateway::start(&toml::proxy(nobody.address())).await;
    let answer = gateway.client().get("/a").await;
    let text = answer.text();
    let port = nobody.address().port().to_string();
    for inside in ["127.0.0.1", "service\"", "os error", port.as_str()] {
        assert!(!text.contains(inside), "{inside}: {text}");
    }
}
