//! `fetch`: where it may go, and how.

use std::{net::SocketAddr, sync::Arc};

use http::HeaderValue;
use serde_json::{Value, json};
use tokio::sync::{Barrier, watch};
use torana_tests::{
    Backend, Dns, Gateway, RawBackend, Setup, Unused, Zone, reply, request, stream, toml,
};

use crate::guests::{handled, plugin_with};

/// A file with the upstream `service` and a handler that makes these calls.
fn fetching(target: SocketAddr, grants: &str, calls: &str) -> String {
    let fetcher = plugin_with("f", "fetcher", grants, &format!("config.calls = [{calls}]"));
    [toml::LISTEN, &toml::upstream("service", target), &fetcher, &handled("[\"f\"]")].concat()
}

const SERVICE: &str = "{ fetch = [\"service\"] }";

async fn came(toml: &str) -> Value {
    let gateway = Gateway::start(toml).await;
    let answer = gateway.client().get("/a").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[track_caller]
fn assert_denied(came: &Value) {
    let error = came["error"].as_str().unwrap_or_else(|| panic!("it came through: {came:#}"));
    assert!(error.starts_with("FetchError::Denied"), "{came:#}");
}

#[tokio::test]
async fn a_call_arrives_as_it_was_made_and_its_reply_as_it_was_given() {
    let backend = Backend::start(|_| {
        let mut answer = reply(201, "made");
        let headers = answer.headers_mut();
        headers.insert("x-from", HeaderValue::from_static("service"));
        headers.append("x-many", HeaderValue::from_static("1"));
        headers.append("x-many", HeaderValue::from_static("2"));
        answer
    })
    .await;
    let call = "{ to = \"service\", method = \"PATCH\", path = \"/a%20b?c=d\", body = \"hello\", \
                headers = [[\"x-a\", \"1\"], [\"x-a\", \"2\"], [\"connection\", \"close\"]] }, { to = \"service\", path = \"/second\", text = true }";
    let came = came(&fetching(backend.address(), SERVICE, call)).await;
    assert_eq!((&came[0]["status"], &came[0]["body"]), (&json!(201), &json!("made")));
    assert_eq!((&came[0]["is"], &came[1]["is"]), (&json!("bytes"), &json!("text")));
    let headers = came[0]["headers"].as_array().expect("a list");
    for header in [["x-from", "service"], ["x-many", "1"], ["x-many", "2"]] {
        assert!(headers.contains(&json!(header)), "{header:?} of {headers:?}");
    }
    let received = backend.received();
    let [first, second] = received.as_slice() else { panic!("{received:#?}") };
    assert_eq!(
        (&*first.method, &*first.target, &first.body[..]),
        ("PATCH", "/a%20b?c=d", &b"hello"[..])
    );
    let values: Vec<_> = first.headers.get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(first.header("connection"), None, "that is the host's business");
    assert_eq!((first.connection, second.connection), (0, 0));
    assert_eq!((&*second.method, &*second.target), ("GET", "/second"));
}

#[tokio::test]
async fn nothing_of_the_clients_goes_along_by_itself() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let toml = fetching(backend.address(), SERVICE, "{ to = \"service\" }");
    let gateway = Gateway::start(&toml).await;
    let mut asked = request("POST", "/a?query").header("x-other", "1");
    for name in ["authorization", "cookie"] {
        asked = asked.header(name, "credential");
    }
    assert_eq!(gateway.client().send(asked, "body").await.status, 200);
    let sent = backend.only();
    assert_eq!((&*sent.method, &*sent.target, sent.body.len()), ("GET", "/", 0));
    for name in ["authorization", "cookie", "x-other"] {
        assert_eq!(sent.header(name), None);
    }
}

#[tokio::test]
async fn all_at_once_means_at_once() {
    for how in ["send-all", "start"] {
        // Nobody is answered before all have come.
        let barrier = Arc::new(Barrier::new(5));
        let backend = Backend::start_async(move |received| {
            let barrier = barrier.clone();
            async move {
                barrier.wait().await;
                reply(200, received.target)
            }
        })
        .await;
        let calls: Vec<_> =
            (0..5).map(|i| format!("{{ to = \"service\", path = \"/{i}\" }}")).collect();
        let toml = fetching(backend.address(), SERVICE, &calls.join(", "));
        let gateway = Gateway::start(&toml).await;
        let answer = gateway.client().send(request("GET", "/a").header("x-how", how), "").await;
        let came = answer.json();
        let came = came.as_array().unwrap_or_else(|| panic!("{answer:?}"));
        assert_eq!(came.len(), 5, "{how}");
        for one in came {
            assert_eq!(one["body"], format!("/{}", one["call"]), "{how}: {one:#}");
        }
        if how == "send-all" {
            let order: Vec<_> = came.iter().filter_map(|one| one["call"].as_u64()).collect();
            assert_eq!(order, [0, 1, 2, 3, 4], "in the order of the calls");
        }
    }
}

#[tokio::test]
async fn what_was_started_is_given_as_it_arrives() {
    // Each is answered when the one after it was.
    let (turn, turns) = watch::channel(2_u64);
    let turn = Arc::new(turn);
    let backend = Backend::start_async(move |received| {
        let (turn, mut turns) = (turn.clone(), turns.clone());
        async move {
            let me: u64 = received.target[1..].parse().expect("a number");
            turns.wait_for(|turn| *turn == me).await.expect("it runs");
            let done = stream(futures_util::stream::once(async move {
                turn.send_replace(me.wrapping_sub(1));
                Ok("done".into())
            }));
            http::Response::new(done)
        }
    })
    .await;
    let calls: Vec<_> =
        (0..3).map(|i| format!("{{ to = \"service\", path = \"/{i}\" }}")).collect();
    let gateway = Gateway::start(&fetching(backend.address(), SERVICE, &calls.join(", "))).await;
    let answer = gateway.client().send(request("GET", "/a").header("x-how", "start"), "").await;
    let came = answer.json();
    let mut order: Vec<_> =
        came.as_array().expect("a list").iter().filter_map(|one| one["call"].as_u64()).collect();
    assert_eq!(order.len(), 3, "{came:#}");
    // The end of one and the beginning of the next may come in one packet, so neighbours may
    // change places; the first and the last cannot.
    assert!(order[0] != 0 && order[2] != 2, "{order:?}");
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2]);
}

#[tokio::test]
async fn only_what_is_granted_is_called() {
    let (service, other) =
        (Backend::start(|_| reply(200, "ok")).await, Backend::start(|_| reply(200, "ok")).await);
    let (to, port) = (other.address(), other.address().port());
    let granted = format!("{{ fetch = [\"service\", \"http://{to}\"] }}");
    let others = [
        "other".to_owned(),
        "Service".to_owned(),
        "nothing".to_owned(),
        format!("https://{to}"),
        format!("http://127.0.0.1:{}", service.address().port()),
        format!("http://127.0.0.2:{port}"),
        format!("http://localhost:{port}"),
        format!("http://[::1]:{port}"),
        format!("http://user@{to}"),
        format!("http://{to}@127.0.0.1:{}", service.address().port()),
        format!("http://{to}/path"),
        format!("http://127.0.0.1.nip.io:{port}"),
        "http://169.254.169.254".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    let calls: Vec<_> = others.iter().map(|to| format!("{{ to = \"{to}\" }}")).collect();
    let toml = fetching(service.address(), &granted, &calls.join(", "))
        + &toml::upstream("other", other.address());
    let denied = came(&toml).await;
    for (one, to) in denied.as_array().expect("a list").iter().zip(&others) {
        assert!(one["error"].is_string(), "{to} came through: {one:#}");
        assert_denied(one);
    }
    assert!(service.received().is_empty() && other.received().is_empty());

    let good = format!("{{ to = \"service\" }}, {{ to = \"http://{to}\" }}");
    let came = came(&fetching(service.address(), &granted, &good)).await;
    assert_eq!((&came[0]["status"], &came[1]["status"]), (&json!(200), &json!(200)), "{came:#}");
    assert!(!service.received().is_empty() && !other.received().is_empty());
}

#[tokio::test]
async fn a_grant_that_a_chain_entry_takes_away_is_gone() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let origin = format!("http://{}", backend.address());
    let both = format!("{{ fetch = [\"service\", \"{origin}\"] }}");
    let calls = format!("{{ to = \"service\" }}, {{ to = \"{origin}\" }}");
    let toml = fetching(backend.address(), &both, &calls)
        .replace("[\"f\"]", "[{ plugin = \"f\", grants = { fetch = [\"service\"] } }]");
    let came = came(&toml).await;
    assert_eq!(came[0]["status"], 200);
    assert_denied(&came[1]);
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let other = Backend::start(|_| reply(200, "never")).await;
    let location = format!("http://{}/", other.address());
    let backend = Backend::start(move |received| {
        let mut answer = reply(received.target[1..].parse().expect("a status"), "");
        let location = if received.target == "/307" { "/elsewhere" } else { &location };
        answer.headers_mut().insert("location", HeaderValue::from_str(location).unwrap());
        answer
    })
    .await;
    let statuses = [301, 302, 303, 307, 308];
    let calls: Vec<_> = statuses
        .iter()
        .map(|status| format!("{{ to = \"service\", path = \"/{status}\" }}"))
        .collect();
    let came = came(&fetching(backend.address(), SERVICE, &calls.join(", "))).await;
    for (one, status) in came.as_array().expect("a list").iter().zip(statuses) {
        assert_eq!(one["status"], status);
        assert!(one["headers"].to_string().contains("location"), "{one:#}");
    }
    assert_eq!(backend.received().len(), 5);
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn a_name_does_not_lead_to_this_machine_unless_it_says_so() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let port = backend.address().port();
    // Names, for no parser of addresses takes them; the resolver makes 127.0.0.1 of them.
    for name in ["127.1", "0x7f000001", "2130706433", "017700000001"] {
        let origin = format!("http://{name}:{port}");
        let grants = format!("{{ fetch = [\"{origin}\"] }}");
        let toml = fetching(backend.address(), &grants, &format!("{{ to = \"{origin}\" }}"));
        let mut gateway = Setup::new(&toml).spawn();
        let line = gateway
            .wait_for_log("its start or its end", |line| {
                line.contains(" ready") || line.contains("error: ")
            })
            .await;
        if line.contains("error: ") {
            // Refused even earlier.
            assert_eq!(gateway.ended().await.code(), Some(1));
            continue;
        }
        drop(gateway);
        let came = came(&toml).await;
        let error = came[0]["error"].as_str().unwrap_or_else(|| panic!("{name}: {came:#}"));
        let refused = ["FetchError::Denied", "FetchError::Unreachable"];
        assert!(refused.iter().any(|one| error.starts_with(one)), "{name}: {came:#}");
    }
    assert!(backend.received().is_empty());

    let origin = format!("http://localhost:{port}");
    let grants = format!("{{ fetch = [\"{origin}\"] }}");
    let toml = fetching(backend.address(), &grants, &format!("{{ to = \"{origin}\" }}"));
    assert_eq!(came(&toml).await[0]["status"], 200, "named literally");
    assert_eq!(backend.only().header("host"), Some(&*format!("localhost:{port}")));
}

#[tokio::test]
async fn a_name_that_dns_leads_to_this_machine_is_not_called() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let dns = Dns::start(Zone::Addresses(vec![backend.address().ip()], 60)).await;
    let origin = format!("http://origin.test:{}", backend.address().port());
    let grants = format!("{{ fetch = [\"{origin}\"] }}");
    let toml = fetching(backend.address(), &grants, &format!("{{ to = \"{origin}\" }}"));
    let toml = format!("{toml}\n[dns]\nservers = [\"{}\"]\n", dns.address());
    assert_denied(&came(&toml).await[0]);
    assert!(dns.questions("origin.test") > 0 && backend.received().is_empty());
}

#[tokio::test]
async fn every_way_to_fail_has_its_error() {
    let nobody = Unused::new();
    let nonsense = RawBackend::answering("this is no HTTP\r\n\r\n").await;
    let half = RawBackend::answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    let backend = Backend::start(|received| match &*received.target {
        "/binary" => reply(200, vec![0xff, 0xfe]),
        _ => reply(200, "ok"),
    })
    .await;
    let upstreams = [
        toml::upstream("nobody", nobody.address()),
        toml::upstream("nonsense", nonsense.address()),
        toml::upstream("half", half.address()),
    ]
    .concat();
    let grants = "{ fetch = [\"service\", \"nobody\", \"nonsense\", \"half\"] }";
    for (call, error) in [
        ("to = \"nobody\"", "FetchError::Unreachable"),
        ("to = \"nonsense\"", "FetchError::Protocol"),
        ("to = \"half\"", "FetchError::Protocol"),
        ("to = \"service\", path = \"/binary\", text = true", "FetchError::NotText"),
        ("to = \"service\", path = \"no-slash\"", "FetchError::Invalid"),
        ("to = \"service\", path = \"/a b\"", "FetchError::Invalid"),
        ("to = \"service\", path = \"http://other/\"", "FetchError::Invalid"),
        ("to = \"service\", method = \"A B\"", "FetchError::Invalid"),
        ("to = \"service\", headers = [[\"x y\", \"1\"]]", "FetchError::Invalid"),
        ("to = \"service\", headers = [[\"x\", \"1\\r\\ny: 2\"]]", "FetchError::Invalid"),
    ] {
        let toml = fetching(backend.address(), grants, &format!("{{ {call} }}")) + &upstreams;
        let came = came(&toml).await;
        let found = came[0]["error"].as_str().unwrap_or_else(|| panic!("{call}: {came:#}"));
        assert!(found.starts_with(error), "{call}: {found}");
    }
    assert_eq!(backend.received().len(), 1, "nothing of what is invalid was sent");
}

#[tokio::test]
async fn a_secret_goes_out_and_is_never_seen() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let grants = "{ fetch = [\"service\"], secrets = { use = [\"token\"] } }";
    let call = "{ to = \"service\", bearer = { secret = \"token\" } }";
    let toml =
        fetching(backend.address(), grants, call) + "[secrets]\ntoken = { env = \"TOKEN\" }\n";
    let gateway = Setup::new(&toml).env("TOKEN", "s3cr3t").argument("--log=trace").start().await;
    let answer = gateway.client().get("/a").await;
    assert_eq!(answer.json()[0]["status"], 200);
    assert_eq!(backend.only().header("authorization"), Some("Bearer s3cr3t"));
    assert!(!answer.text().contains("s3cr3t"));
    let log = gateway.log().clone();
    gateway.stop().await;
    let lines = log.lines();
    let leaks: Vec<_> = lines.iter().filter(|line| line.contains("s3cr3t")).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[tokio::test]
async fn connections_to_upstreams_and_origins_are_kept() {
    let backend = Backend::start(|received| reply(200, received.connection.to_string())).await;
    let origin = format!("http://{}", backend.address());
    let grants = format!("{{ fetch = [\"{origin}\"] }}");
    let calls = vec![format!("{{ to = \"{origin}\" }}"); 4].join(", ");
    let came = came(&fetching(backend.address(), &grants, &calls)).await;
    let used: Vec<_> = came.as_array().expect("a list").iter().map(|one| &one["body"]).collect();
    assert_eq!(used, ["0", "0", "0", "0"]);
}
