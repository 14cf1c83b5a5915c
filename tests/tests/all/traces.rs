//! What a collector gets to see of requests, and what becomes of them while it is away.

mod collector;

use std::net::SocketAddr;

use serde_json::Value;
use torana_tests::{Backend, Gateway, Raw, Unused, reply, request, toml};

use crate::guests::{self, wait_for_metric};
use collector::{CLIENT, Collector, INTERNAL, SERVER, Span};

/// Sent at once, as far as a test can tell.
fn traces(collector: SocketAddr, more: &str) -> String {
    let upstream = toml::upstream("collector", collector);
    format!("{upstream}\n[traces]\nupstream = \"collector\"\ninterval = \"10ms\"\n{more}\n")
}

/// A caller's context with these flags.
fn parent(flags: &str) -> String {
    format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}")
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The trace, the parent and the flags of what a service got.
fn told(received: &torana_tests::Received) -> (String, String, String) {
    let context = received.header("traceparent").expect("a context").to_owned();
    let parts: Vec<_> = context.split('-').map(str::to_owned).collect();
    (parts[1].clone(), parts[2].clone(), parts[3].clone())
}

/// Who trusts the test's own address.
fn listen(more: &str) -> String {
    toml::LISTEN.to_owned() + more + "\n"
}

const TRUSTING: &str = "trusted_proxies = [\"127.0.0.0/8\"]";

#[tokio::test]
async fn a_trace_shows_the_request_the_plugin_and_the_attempt() {
    let (service, collector) =
        (Backend::start(|_| reply(201, "ok")).await, Collector::start().await);
    let route = "match = { path = \"/users/{id}\" }\nchain = [\"mark\"]\nupstream = \"service\"";
    let toml = [
        listen(TRUSTING),
        toml::upstream("service", service.address()),
        guests::marker("mark"),
        toml::route("users", route),
        "\n[access_log]\n".to_owned(),
        traces(collector.address(), "service = \"shop\"\nresource = { region = \"eu\" }"),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let asked = request("GET", "/users/7?token=secret")
        .header("traceparent", parent("03"))
        .header("tracestate", "a=1")
        .header("user-agent", "test");
    let answer = gateway.client().send(asked, "").await;
    assert_eq!(answer.status, 201);
    let spans = collector.wait_for(3).await;

    let server = spans.only(SERVER);
    assert_eq!((server.name.as_str(), server.trace().as_str()), ("GET /users/{id}", TRACE));
    assert_eq!((server.parent().as_str(), server.flags), ("00f067aa0ba902b7", 0x303));
    assert_eq!(server.trace_state, "a=1");
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/users/{id}"),
        ("http.response.status_code", "201"),
        ("url.path", "/users/7"),
        ("url.scheme", "http"),
        ("server.address", "127.0.0.1"),
        ("client.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("user_agent.original", "test"),
        ("torana.route", "users"),
        ("torana.request_id", answer.header("x-request-id").expect("an id")),
    ] {
        assert_eq!(server.says(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(server.says("error.type"), None);

    let hook = spans.only(INTERNAL);
    assert_eq!((hook.name.as_str(), hook.parent()), ("mark on-response-head", server.id()));
    assert_eq!(hook.says("torana.decision").as_deref(), Some("next"));
    assert!(hook.says("torana.cpu_us").is_some(), "{hook:?}");

    let client = spans.only(CLIENT);
    assert_eq!((client.name.as_str(), client.parent()), ("GET service", server.id()));
    assert_eq!(client.says("server.port"), Some(service.address().port().to_string()));
    assert_eq!(client.says("http.request.resend_count"), None);
    assert!(!client.says("url.full").expect("a URL").contains("secret"));

    let received = service.only();
    assert_eq!(told(&received), (TRACE.into(), client.id(), "03".into()));
    assert_eq!(received.header("tracestate"), Some("a=1"));
    for inner in [hook, client] {
        assert_eq!(inner.trace(), TRACE);
        assert!(inner.start_time_unix_nano >= server.start_time_unix_nano, "{inner:?}");
        assert!(inner.end_time_unix_nano <= server.end_time_unix_nano, "{inner:?}");
    }
    assert_eq!(spans.resource("service.name").as_deref(), Some("shop"));
    assert_eq!(spans.resource("region").as_deref(), Some("eu"));
    let line = gateway.output().wait("a line", |_| true).await;
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line["trace_id"], TRACE);
}

/// Whose flag counts, and what the service is told.
#[tokio::test]
async fn the_outside_does_not_decide() {
    let (service, collector) = (Backend::start(|_| reply(200, "")).await, Collector::start().await);
    for (more, settings, sent, flags) in [
        ("", "sample = \"0%\"", "01", "00"),
        ("", "sample = \"100%\"", "00", "01"),
        (TRUSTING, "sample = \"0%\"", "01", "01"),
        (TRUSTING, "sample = \"100%\"", "02", "02"),
        (TRUSTING, "sample = \"0%\"\nfollow = \"never\"", "03", "02"),
        ("", "sample = \"0%\"\nfollow = \"always\"", "01", "01"),
    ] {
        let toml = [
            listen(more),
            toml::upstream("service", service.address()),
            toml::route("all", toml::ALL),
            traces(collector.address(), settings),
        ];
        let gateway = Gateway::start(&toml.concat()).await;
        let (before, seen) = (service.received().len(), collector.spans().len());
        gateway.client().send(request("GET", "/").header("traceparent", parent(sent)), "").await;
        let received = service.received().remove(before);
        let (trace, span, told) = told(&received);
        assert_eq!((trace.as_str(), told.as_str()), (TRACE, flags), "{more} {settings} {sent}");
        let is_sampled = flags.ends_with(['1', '3']);
        // Where nothing is changed nothing is new either.
        assert_eq!(span == "00f067aa0ba902b7", sent == flags && !is_sampled, "{more} {settings}");
        assert!(gateway.stop().await.success());
        let made = collector.spans().len() - seen;
        assert_eq!(made, if is_sampled { 2 } else { 0 }, "{more} {settings} {sent}");
    }
}

#[tokio::test]
async fn a_target_that_takes_no_connection_is_an_attempt() {
    let (service, nobody) = (Backend::start(|_| reply(200, "")).await, Unused::new());
    let collector = Collector::start().await;
    let (dead, alive) = (nobody.address(), service.address());
    let toml = [
        guests::one_worker(),
        format!("\n[upstreams.service]\ntargets = [\"{dead}\", \"{alive}\"]\n"),
        toml::route("all", toml::ALL),
        traces(collector.address(), ""),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    // Whose turn it was first is the balancer's to say.
    for _ in 0..2 {
        assert_eq!(gateway.client().get("/").await.status, 200);
    }
    let spans = collector.wait_until("both requests", |all| all.of(SERVER).len() == 2).await;
    let attempts = spans.of(CLIENT);
    let failed = |span: &&&Span| span.says("error.type").as_deref() == Some("connect");
    let first = attempts.iter().find(failed).expect("one has failed");
    assert_eq!(first.says("server.port"), Some(dead.port().to_string()));
    assert_eq!((attempts.len(), first.says("http.request.resend_count")), (3, None));
    let again = attempts.iter().find(|span| span.says("http.request.resend_count").is_some());
    let again = again.expect("it went on");
    assert_eq!(again.says("http.request.resend_count").as_deref(), Some("1"));
    assert_eq!((again.parent(), again.says("error.type")), (first.parent(), None));
}

#[tokio::test]
async fn a_retry_is_an_attempt_and_its_service_is_told() {
    let (service, collector) = (Backend::start(|_| reply(503, "")).await, Collector::start().await);
    let toml = [
        toml::LISTEN.to_owned(),
        toml::upstream("service", service.address()),
        "retries = { attempts = 2, on = [\"503\"], backoff = \"1ms\" }\n".to_owned(),
        toml::route("all", toml::ALL),
        traces(collector.address(), ""),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    assert_eq!(gateway.client().get("/").await.status, 503);
    let spans = collector.wait_for(3).await;
    let server = spans.only(SERVER);
    assert_eq!(server.says("error.type").as_deref(), Some("503"));
    let attempts = spans.of(CLIENT);
    let counts: Vec<_> = attempts.iter().map(|s| s.says("http.request.resend_count")).collect();
    assert_eq!(counts, [None, Some("1".to_owned())]);
    for (attempt, received) in attempts.iter().zip(service.received()) {
        assert_eq!(attempt.says("error.type").as_deref(), Some("503"));
        assert_eq!(attempt.parent(), server.id());
        assert_eq!(told(&received).1, attempt.id());
    }
}

#[tokio::test]
async fn a_plugins_fetch_is_a_part_of_its_call() {
    let service = Backend::start(|_| {
        let mut answer = reply(200, "{}");
        answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
        answer
    })
    .await;
    let collector = Collector::start().await;
    let toml = [
        toml::LISTEN.to_owned(),
        toml::upstream("service", service.address()),
        "\n[plugins.parts]\ncomponent = \"aggregate\"\ngrants = { fetch = [\"service\"] }\n"
            .to_owned(),
        format!(
            "{}\nconfig.parts.one = {{ to = \"service\", path = \"/one\" }}\n",
            guests::PATIENT
        ),
        guests::handled("[\"parts\"]"),
        traces(collector.address(), ""),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    assert_eq!(gateway.client().get("/a").await.status, 200);
    let spans = collector.wait_for(3).await;
    let (server, hook, fetch) = (spans.only(SERVER), spans.only(INTERNAL), spans.only(CLIENT));
    assert_eq!((hook.name.as_str(), hook.parent()), ("parts handler", server.id()));
    assert_eq!((fetch.parent(), fetch.name.as_str()), (hook.id(), "GET service"));
    let (trace, parent, _) = told(&service.only());
    assert_eq!((trace, parent), (server.trace(), fetch.id()));
    assert_eq!(server.parent(), "", "it begins here");
}

#[tokio::test]
async fn a_refusal_says_why() {
    let (nobody, collector) = (Unused::new(), Collector::start().await);
    let route = "match = { path = \"/a\" }\nupstream = \"service\"";
    let toml = [
        toml::LISTEN.to_owned(),
        toml::upstream("service", nobody.address()),
        toml::route("a", route),
        traces(collector.address(), ""),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    for (path, status, name, refusal, error) in [
        ("/a", 502, "GET /a", "upstream-unreachable", Some("upstream-unreachable")),
        ("/b", 404, "GET", "no-route", None),
    ] {
        let seen = collector.spans().of(SERVER).len();
        assert_eq!(gateway.client().get(path).await.status, status);
        let spans = collector.wait_until("it", |all| all.of(SERVER).len() > seen).await;
        let server = &spans.of(SERVER)[seen];
        assert_eq!(server.name, name);
        assert_eq!(server.says("torana.refusal").as_deref(), Some(refusal));
        assert_eq!(server.says("error.type").as_deref(), error);
    }
    let line =
        gateway.wait_for_log("a refusal", |line| line.contains("upstream-unreachable")).await;
    assert!(line.contains(&collector.spans().of(SERVER)[0].trace()), "{line}");
}

/// Requests go on, what has no room is counted, and what waits comes when somebody takes it.
#[tokio::test]
async fn a_collector_that_is_away_slows_nobody() {
    let (service, nobody) = (Backend::start(|_| reply(200, "")).await, Unused::new());
    let address = nobody.address();
    let toml = [
        guests::one_worker(),
        toml::upstream("service", service.address()),
        toml::route("all", toml::ALL),
        traces(address, "queue = \"64KiB\""),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let client = gateway.client();
    for _ in 0..200 {
        assert_eq!(client.get("/").await.status, 200);
    }
    gateway.wait_for_log("a fault", |line| line.contains("spans are not taken")).await;
    let dropped = guests::metric(&gateway, "torana_traces_dropped_total", &["queue"]).await;
    assert!(dropped > 0.0, "what has no room is dropped when it ends");
    drop(nobody);
    let collector = Collector::start_at(address).await;
    collector.wait_until("what waited", |all| all.of(SERVER).len() > 10).await;
    gateway.wait_for_log("its end", |line| line.contains("taken by the collector again")).await;
    let faults = gateway.log().lines().iter().filter(|l| l.contains("spans are not taken")).count();
    assert_eq!(faults, 1, "one line for a fault that lasts");
}

/// What is wrong with the collector's answer, and with its credential.
#[tokio::test]
async fn what_a_collector_will_not_have_is_dropped_and_told() {
    let service = Backend::start(|_| reply(200, "")).await;
    let collector = Backend::start(|received| match received.header("authorization") {
        Some("Bearer right") => reply(400, "these are no spans"),
        _ => reply(401, ""),
    })
    .await;
    let toml = [
        toml::LISTEN.to_owned(),
        toml::upstream("service", service.address()),
        toml::route("all", toml::ALL),
        traces(collector.address(), "headers = { authorization = { env = \"OTLP\" } }"),
    ];
    let setup = torana_tests::Setup::new(&toml.concat()).env("OTLP", "Bearer right");
    let gateway = setup.start().await;
    gateway.client().get("/").await;
    wait_for_metric(&gateway, "torana_traces_dropped_total", &["refused"], 2.0).await;
    let line = gateway.wait_for_log("a fault", |line| line.contains("spans are not")).await;
    assert!(line.contains("400") && line.contains("these are no spans"), "{line}");
    let config = gateway.admin().get("/config").await;
    assert!(!config.text().contains("right"), "{}", config.text());
}

#[tokio::test]
async fn spans_go_where_the_file_says_now_and_the_last_ones_go_at_the_end() {
    let service = Backend::start(|_| reply(200, "")).await;
    let (old, new) = (Unused::new(), Collector::start().await);
    let toml = |collector, more: &str| {
        [
            toml::LISTEN.to_owned(),
            toml::upstream("service", service.address()),
            toml::route("all", toml::ALL),
            traces(collector, more),
        ]
        .concat()
    };
    let gateway = Gateway::start(&toml(old.address(), "")).await;
    gateway.client().get("/before").await;
    gateway.wait_for_log("a fault", |line| line.contains("spans are not taken")).await;
    // One that waits for an hour, unless it is told to end.
    let patient = toml(new.address(), "").replace("\"10ms\"", "\"60s\"");
    gateway.write(&patient);
    gateway.signal_reload();
    let path = |wanted: &'static str| {
        move |all: &collector::Spans| {
            all.of(SERVER).iter().any(|span| span.says("url.path").as_deref() == Some(wanted))
        }
    };
    new.wait_until("the span of before", path("/before")).await;
    gateway.client().get("/last").await;
    assert!(gateway.stop().await.success());
    assert!(path("/last")(&new.spans()));
}

#[tokio::test]
async fn a_client_that_leaves_has_a_span() {
    let service = Backend::start_async(|_| std::future::pending()).await;
    let collector = Collector::start().await;
    let toml = [toml::proxy(service.address()), traces(collector.address(), "")].concat();
    let gateway = Gateway::start(&toml).await;
    let mut connection = Raw::connect(gateway.address("public")).await;
    connection.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    service.wait_for(1).await;
    drop(connection);
    let spans = collector.wait_for(2).await;
    let server: &Span = spans.only(SERVER);
    assert_eq!(server.says("http.response.status_code").as_deref(), Some("499"));
    assert_eq!(server.says("torana.broken").as_deref(), Some("client"));
    assert_eq!(spans.only(CLIENT).says("error.type").as_deref(), Some("cancelled"));
}
