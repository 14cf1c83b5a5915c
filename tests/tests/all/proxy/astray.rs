//! A listener's plugins see every request, also those that no route takes.

use torana_tests::{Backend, Gateway, reply, request, toml};

const PLUGINS: &str = r#"
[plugins.require]
component = "require"
config = { headers = ["x-tenant"], status = 401 }

[plugins.mark]
component = "headers"
grants = { request-edit = true, response-edit = true }
config.response.set = { x-marked = "yes" }
"#;

async fn gateway(backend: &Backend) -> Gateway {
    let listen = format!("{}chain = [\"mark\", \"require\"]\n", toml::LISTEN);
    let more = "match = { path = \"/a\", methods = [\"GET\"] }\nupstream = \"service\"";
    let upstream = toml::upstream("service", backend.address());
    Gateway::start(&[&listen, &upstream, PLUGINS, &toml::route("a", more)].concat()).await
}

#[tokio::test]
async fn who_is_not_let_in_does_not_learn_what_there_is() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let gateway = gateway(&backend).await;
    for (method, target) in [("GET", "/a"), ("GET", "/nowhere"), ("DELETE", "/a")] {
        let answer = gateway.client().send(request(method, target), "").await;
        assert_eq!(answer.status, 401, "{method} {target}");
        assert_eq!(answer.header("x-marked"), Some("yes"), "{method} {target}");
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn who_is_let_in_gets_the_refusal_with_what_the_plugins_add() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let gateway = gateway(&backend).await;
    for (method, target, status) in [("GET", "/nowhere", 404), ("DELETE", "/a", 405)] {
        let asked = request(method, target).header("x-tenant", "a");
        let answer = gateway.client().send(asked, "").await;
        answer.problem(status);
        assert_eq!(answer.header("x-marked"), Some("yes"), "{method} {target}");
    }
    let metrics = gateway.admin().get("/metrics").await;
    let counted = "torana_requests_total{route=\"\",status=\"404\"} 1";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}
