//! The `forward-auth` plugin with real services, by the routes of its README.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use futures_util::future::join_all;
use http::{HeaderValue, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;
use torana_tests::{Backend, Body, Gateway, Received, Unused, paths, reply, request, toml};

use crate::guests::{PATIENT, metric, wait_for_metric};

/// On a busy machine answers take their time, which is not what this is about.
const UNHURRIED: &str = "timeout = \"9s\"";

/// The first file of the README that has this in it, with these upstreams.
fn readme(part: &str, upstreams: &[(&str, SocketAddr)]) -> String {
    let text = fs::read_to_string(paths::root().join("plugins/forward-auth/README.md"));
    let text = text.expect("the README");
    let mut files = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let file = files.find(|file| file.contains(part)).expect("a file");
    let component = "component = \"forward-auth\"";
    let file = file.replace(component, &format!("{component}\n{PATIENT}"));
    let file = file.replace(".config]", &format!(".config]\n{UNHURRIED}"));
    let upstreams = upstreams.iter().map(|(name, address)| toml::upstream(name, *address));
    [toml::LISTEN, &upstreams.collect::<String>(), "\n", &file].concat()
}

/// A plugin that asks the upstream `door` for `/check`, in front of the upstream `service`.
fn asking(door: SocketAddr, service: SocketAddr, more: &str, chain: &str) -> String {
    let timeout = if more.contains("timeout") { "" } else { UNHURRIED };
    let plugin = format!(
        r#"
[plugins.door]
component = "forward-auth"
{PATIENT}
[plugins.door.grants]
fetch = ["door"]
kv = true
request-edit = true
response-edit = true
headers = {{ read = ["cookie"] }}
attributes = ["consumer.id", "consumer.tier", "auth.scopes", "auth.claims"]
[plugins.door.config]
to = "door"
path = "/check"
forward = ["cookie"]
request = ["x-user"]
attributes = {{ "consumer.id" = "x-user" }}
{timeout}
{more}
"#
    );
    let upstreams = toml::upstream("service", service) + &toml::upstream("door", door);
    let route = toml::route("all", &format!("{}\nchain = {chain}", toml::ALL));
    [toml::LISTEN, &upstreams, &plugin, &route].concat()
}

fn with(mut reply: Response<Body>, headers: &[(&'static str, &str)]) -> Response<Body> {
    for (name, value) in headers {
        reply.headers_mut().append(*name, HeaderValue::from_str(value).expect("a value"));
    }
    reply
}

/// Lets in whoever has a cookie `user=NAME`.
fn door(received: &Received) -> Response<Body> {
    match received.header("cookie").and_then(|cookie| cookie.strip_prefix("user=")) {
        Some(user) => with(reply(200, ""), &[("x-user", user)]),
        None => with(
            reply(403, "Not without a cookie."),
            &[
                ("content-type", "text/plain"),
                ("x-internal", "db7"),
                ("x-reason", "cookie"),
                ("connection", "keep-alive, x-hop"),
                ("x-hop", "1"),
            ],
        ),
    }
}

/// As oauth2-proxy does, with `--reverse-proxy --set-xauthrequest --upstream=static://202`.
fn login(received: &Received) -> Response<Body> {
    let cookie = received.header("cookie").unwrap_or_default();
    if received.target.starts_with("/oauth2/callback") {
        assert!(cookie.contains("csrf=1"), "the way back has its cookie: {cookie}");
        let cookie = ("set-cookie", "session=alice; HttpOnly");
        return with(reply(302, ""), &[("location", "/orders?a=b"), cookie]);
    }
    assert_eq!(received.target, "/");
    assert_eq!(received.method, "GET");
    if cookie.contains("session=alice") {
        let user = ("x-auth-request-user", "alice");
        return with(reply(202, ""), &[user, ("set-cookie", "session=alice; Max-Age=60")]);
    }
    let uri = received.header("x-forwarded-uri").expect("where to go back to");
    let location = format!("/oauth2/callback?rd={uri}");
    with(reply(302, "Found"), &[("location", location.as_str()), ("set-cookie", "csrf=1")])
}

#[tokio::test]
async fn a_browser_logs_in() {
    let app = Backend::start(|_| with(reply(200, "orders"), &[("set-cookie", "basket=1")])).await;
    let proxy = Backend::start(login).await;
    let upstreams = [("app", app.address()), ("oauth2-proxy", proxy.address())];
    let gateway = Gateway::start(&readme("plugins.login", &upstreams)).await;
    let client = gateway.client();

    let sent = client.get("/orders?a=b").await;
    assert_eq!(sent.status, 302);
    assert_eq!(sent.header("location"), Some("/oauth2/callback?rd=/orders?a=b"));
    assert_eq!(sent.header("set-cookie"), Some("csrf=1"));
    assert_eq!(sent.header("cache-control"), Some("no-store"));
    assert!(app.received().is_empty(), "nobody gets through");

    let back = request("GET", sent.header("location").unwrap()).header("cookie", "csrf=1");
    let back = client.send(back, "").await;
    assert_eq!((back.status, back.header("location")), (302, Some("/orders?a=b")));

    let spoofed = request("GET", "/orders?a=b")
        .header("cookie", "session=alice")
        .header("x-auth-request-user", "root")
        .header("x_auth_request_user", "root")
        .header("x-auth-request-groups", "admin")
        .header("x_auth_request_groups", "admin");
    let answer = client.send(spoofed, "").await;
    assert_eq!((answer.status, answer.text()), (200, "orders"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["basket=1", "session=alice; Max-Age=60"]);
    let received = app.only();
    assert_eq!(received.header("x-auth-request-user"), Some("alice"));
    assert_eq!(received.header("x_auth_request_user"), None);
    assert_eq!(received.header("x-auth-request-groups"), None);
    assert_eq!(received.header("x_auth_request_groups"), None, "of which the service says nothing");
}

#[tokio::test]
async fn a_no_goes_to_the_client_and_no_further() {
    let service = Backend::start(|_| reply(200, "fine")).await;
    let door = Backend::start(door).await;
    // What belongs to the connection stays here even where the settings name it.
    let more = "denied = { headers = [\"x-hop\", \"x-reason\"] }";
    let gateway =
        Gateway::start(&asking(door.address(), service.address(), more, "[\"door\"]")).await;
    let denied = gateway.client().post("/a?b", "a body").await;
    assert_eq!((denied.status, denied.text()), (403, "Not without a cookie."));
    assert_eq!(denied.header("content-type"), Some("text/plain"));
    assert_eq!(denied.header("x-reason"), Some("cookie"));
    for name in ["x-internal", "x-hop", "x-user"] {
        assert_eq!(denied.header(name), None, "{name}");
    }
    assert!(service.received().is_empty());
    let asked = door.only();
    assert_eq!((asked.method.as_str(), asked.body.len()), ("GET", 0), "bodies stay here");
    assert_eq!(asked.header("x-forwarded-method"), Some("POST"));
    assert_eq!(asked.header("x-forwarded-uri"), Some("/a?b"));
    assert_eq!(asked.header("x-forwarded-for"), Some("127.0.0.1"));

    let user = request("GET", "/a").header("cookie", "user=alice");
    assert_eq!(gateway.client().send(user, "").await.text(), "fine");
    assert_eq!(service.only().header("x-user"), Some("alice"));
}

#[tokio::test]
async fn a_service_that_is_gone_lets_nobody_in() {
    let service = Backend::start(|_| reply(200, "fine")).await;
    let gone = Unused::new();
    let hung = Backend::start_async(|_| std::future::pending()).await;
    let broken = Backend::start(|_| reply(500, "db7 is down")).await;
    for (door, more) in
        [(gone.address(), ""), (hung.address(), "timeout = \"200ms\""), (broken.address(), "")]
    {
        let gateway = Gateway::start(&asking(door, service.address(), more, "[\"door\"]")).await;
        let asked = request("GET", "/a").header("cookie", "user=alice");
        let problem = gateway.client().send(asked, "").await.problem(503);
        assert_eq!(problem["type"], "urn:torana:problem:authorization-unavailable");
        assert!(!problem.to_string().contains("db7"));
        let labels = ["plugin=\"door\"", "name=\"failed\""];
        assert_eq!(metric(&gateway, "torana_plugin_custom_total", &labels).await, 1.0);
    }
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn what_is_let_through_unasked_is_nobodys() {
    let service = Backend::start(|_| reply(200, "fine")).await;
    let gone = Unused::new();
    let more = "service_error = \"allow\"";
    let gateway =
        Gateway::start(&asking(gone.address(), service.address(), more, "[\"door\"]")).await;
    let asked = request("GET", "/a").header("x-user", "root").header("x_user", "root");
    assert_eq!(gateway.client().send(asked, "").await.text(), "fine");
    let received = service.only();
    assert_eq!((received.header("x-user"), received.header("x_user")), (None, None));
}

#[tokio::test]
async fn a_quota_counts_whom_the_service_knows() {
    let service = Backend::start(|_| reply(200, "fine")).await;
    let door = Backend::start(door).await;
    let quota = format!(
        "\n[plugins.quota]\ncomponent = \"quota\"\n{PATIENT}\n\
         grants = {{ rate-limit = true, response-edit = true }}\nconfig.limit = \"1/1d\"\n"
    );
    let chain = "[\"door\", \"quota\"]";
    let config = asking(door.address(), service.address(), "", chain) + &quota;
    let gateway = Gateway::start(&config).await;
    let client = gateway.client();
    let ask = async |user: &str| {
        let asked = request("GET", "/a").header("cookie", format!("user={user}"));
        client.send(asked, "").await.status
    };
    assert_eq!([ask("alice").await, ask("alice").await, ask("bob").await], [200, 429, 200]);
}

#[tokio::test]
async fn of_many_at_once_one_asks() {
    let service = Backend::start(|_| reply(200, "fine")).await;
    // The first answer waits until all who want it are there.
    let go = Arc::new(Notify::new());
    let (held, count) = (go.clone(), AtomicUsize::new(0));
    let door = Backend::start_async(move |received| {
        let (held, is_first) = (held.clone(), count.fetch_add(1, SeqCst) == 0);
        async move {
            if is_first {
                held.notified().await;
            }
            door(&received)
        }
    })
    .await;
    let more = "timeout = \"1m\"\ncache = { key = [\"{request.header.cookie}\"], ttl = \"1h\" }";
    let config = asking(door.address(), service.address(), more, "[\"door\"]");
    let config = config.replace(PATIENT, &format!("{PATIENT}\nlimits.wall = \"1h\""));
    let gateway = Gateway::start(&config).await;
    let client = gateway.client();
    let ask = async |user: &str| {
        let asked = request("GET", "/a").header("cookie", format!("user={user}"));
        client.send(asked, "").await.status
    };
    let all_there = async {
        wait_for_metric(&gateway, "torana_requests_in_flight", &[], 40.0).await;
        go.notify_one();
    };
    let (statuses, ()) = tokio::join!(join_all((0..40).map(|_| ask("alice"))), all_there);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(door.received().len(), 1);
    assert_eq!(ask("bob").await, 200, "whose answer is another one");
    assert_eq!(door.received().len(), 2);
    let users = service.received();
    let alices = users.iter().filter(|received| received.header("x-user") == Some("alice"));
    assert_eq!(alices.count(), 40);
}

/// As the policy of the README does.
fn policy(received: &Received) -> Response<Body> {
    assert_eq!((&*received.method, &*received.target), ("POST", "/v1/data/gateway/decision"));
    let question: Value = serde_json::from_slice(&received.body).expect("JSON");
    let input = &question["input"];
    let holds = input["method"] == "GET"
        && input["segments"][0] == "orders"
        && input["headers"]["authorization"] == json!(["Bearer clerk"]);
    let result = match holds {
        true => json!({ "allow": true, "headers": { "x-user": "clerk" } }),
        false => json!({ "allow": false }),
    };
    reply(200, json!({ "result": result }).to_string())
}

#[tokio::test]
async fn a_policy_decides() {
    let orders = Backend::start(|_| reply(200, "fine")).await;
    let opa = Backend::start(policy).await;
    let upstreams = [("orders", orders.address()), ("opa", opa.address())];
    let gateway = Gateway::start(&readme("plugins.policy", &upstreams)).await;
    let ask = async |method: &str, token: &str| {
        let asked = request(method, "/orders/7").header("authorization", token);
        gateway.client().send(asked.header("x-user", "root"), "").await
    };
    assert_eq!(ask("GET", "Bearer clerk").await.text(), "fine");
    assert_eq!(orders.only().header("x-user"), Some("clerk"));
    ask("GET", "Bearer other").await.problem(403);
    ask("DELETE", "Bearer clerk").await.problem(403);
    assert_eq!(orders.received().len(), 1);
}
