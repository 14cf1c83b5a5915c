//! The `headers` plugin, as the component that it is.

use std::net::SocketAddr;

use http::HeaderValue;
use torana_tests::{Backend, Gateway, Unused, reply, request, toml};

/// A gateway whose one route, `/users/{name}`, has the plugin in its chain.
fn with_headers(target: SocketAddr, config: &str) -> String {
    let plugin = format!(
        "[plugins.headers]\ncomponent = \"headers\"\n\
         grants = {{ request-edit = true, response-edit = true }}\n{config}\n"
    );
    let route =
        "match = { path = \"/users/{name}\" }\nchain = [\"headers\"]\nupstream = \"service\"";
    [toml::LISTEN, &toml::upstream("service", target), &plugin, &toml::route("users", route)]
        .concat()
}

#[tokio::test]
async fn the_request_is_changed_on_its_way_there() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let config = r#"
        config.request.remove = ["x-debug"]
        config.request.rename = { x-old = "x-new" }
        config.request.set = { x-user = "{params.name}", x-route = "{route} by {request.method}" }
        config.request.add = { x-tag = "second" }
    "#;
    let gateway = Gateway::start(&with_headers(backend.address(), config)).await;
    let request = request("GET", "/users/ada%20l")
        .header("x-debug", "1")
        .header("x-debug", "2")
        .header("x-old", "kept")
        .header("x-user", "root")
        .header("x-tag", "first")
        .header("x-other", "untouched");
    assert_eq!(gateway.client().send(request, "").await.status, 200);
    let received = backend.only();
    assert_eq!(received.header("x-debug"), None);
    assert_eq!(received.header("x-old"), None);
    assert_eq!(received.header("x-new"), Some("kept"));
    assert_eq!(received.header("x-user"), Some("ada l"), "in the place of what the client said");
    assert_eq!(received.header("x-route"), Some("users by GET"));
    assert_eq!(received.header("x-other"), Some("untouched"));
    let tags: Vec<_> = received.headers.get_all("x-tag").iter().collect();
    assert_eq!(tags, ["first", "second"]);
}

#[tokio::test]
async fn a_header_whose_template_has_no_value_is_removed() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let config = "config.request.set = { x-consumer = \"{attributes.consumer.id}\" }";
    let gateway = Gateway::start(&with_headers(backend.address(), config)).await;
    let forged = request("GET", "/users/ada")
        .header("x-consumer", "root")
        .header("x_consumer", "root")
        .header("x_other", "stays");
    assert_eq!(gateway.client().send(forged, "").await.status, 200);
    let received = backend.only();
    assert_eq!(received.header("x-consumer"), None);
    assert_eq!(received.header("x_consumer"), None, "many take it for the same");
    assert_eq!(received.header("x_other"), Some("stays"));
}

#[tokio::test]
async fn what_a_plugin_set_cannot_be_named_away() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let config = "config.request.set = { x-user = \"{params.name}\" }";
    let gateway = Gateway::start(&with_headers(backend.address(), config)).await;
    // RFC 9110, 7.6.1: what `Connection` names is the client's connection's own, and ends here.
    let forged = request("GET", "/users/ada").header("connection", "x-user, x-own");
    let forged = forged.header("x-user", "root").header("x-own", "1");
    assert_eq!(gateway.client().send(forged, "").await.status, 200);
    let received = backend.only();
    assert_eq!((received.header("x-user"), received.header("x-own")), (Some("ada"), None));
}

#[tokio::test]
async fn the_response_is_changed_on_its_way_back() {
    let backend = Backend::start(|_| {
        let mut answer = reply(200, "ok");
        for (name, value) in
            [("server", "secret/1.0"), ("x-old", "1"), ("cache-control", "private")]
        {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    })
    .await;
    let config = r#"
        config.response.remove = ["server"]
        config.response.rename = { x-old = "x-new" }
        config.response.set = { cache-control = "no-store", x-for = "{params.name}" }
    "#;
    let gateway = Gateway::start(&with_headers(backend.address(), config)).await;
    let answer = gateway.client().get("/users/ada").await;
    assert_eq!((answer.status, answer.text()), (200, "ok"));
    assert_eq!(answer.header("server"), None);
    assert_eq!(answer.header("x-old"), None);
    assert_eq!(answer.header("x-new"), Some("1"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-for"), Some("ada"));
    assert_eq!(backend.only().header("x-for"), None);
}

#[tokio::test]
async fn the_gateways_own_errors_are_changed_as_well() {
    let nobody = Unused::new();
    let config = "config.response.set = { x-content-type-options = \"nosniff\" }";
    let gateway = Gateway::start(&with_headers(nobody.address(), config)).await;
    let answer = gateway.client().get("/users/ada").await;
    answer.problem(502);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let elsewhere = gateway.client().get("/elsewhere").await;
    elsewhere.problem(404);
    assert_eq!(elsewhere.header("x-content-type-options"), None, "no route, no chain");
}

#[tokio::test]
async fn many_requests_at_once_get_each_their_own() {
    let backend =
        Backend::start(|received| reply(200, received.header("x-user").unwrap().to_owned())).await;
    let config = "config.request.set = { x-user = \"{params.name}\" }";
    let gateway = Gateway::start(&with_headers(backend.address(), config)).await;
    let clients: Vec<_> = (0..20).map(|_| gateway.client()).collect();
    let turns = clients.iter().enumerate().map(async |(me, client)| {
        for turn in 0..50 {
            let name = format!("{me}-{turn}");
            assert_eq!(client.get(&format!("/users/{name}")).await.text(), name);
        }
    });
    futures_util::future::join_all(turns).await;
}

#[tokio::test]
async fn another_route_may_have_other_settings() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let config =
        "config.request = { set = { x-a = \"base\", x-b = \"base\" }, remove = [\"x-c\"] }";
    let route = r#"match = { path = "/other" }
        chain = [{ plugin = "headers", config = { request = { set = { x-a = "own" } } } }]
        upstream = "service""#;
    let toml = with_headers(backend.address(), config) + &toml::route("other", route);
    let gateway = Gateway::start(&toml).await;
    for path in ["/users/ada", "/other", "/users/ada"] {
        gateway.client().send(request("GET", path).header("x-c", "1"), "").await;
    }
    let received = backend.received();
    let seen: Vec<_> =
        received.iter().map(|one| ["x-a", "x-b", "x-c"].map(|name| one.header(name))).collect();
    let base = [Some("base"), Some("base"), None];
    assert_eq!(seen, [base, [Some("own"), None, Some("1")], base], "`request` is replaced whole");
}
