//! A hook that fails: who sees what, and what `on_error` makes of it.

use torana_tests::{Backend, Gateway, Reply, Setup, raw, reply, request, toml};

use crate::guests::{failures, metric, plugin, route};

/// What the service says, and what nobody may see of it.
const BODY: &str = "from the service, for few eyes";

async fn service() -> Backend {
    Backend::start(|_| reply(200, BODY)).await
}

/// One route, through `bad`.
fn through(guest: &str, more: &str, backend: &Backend) -> String {
    let upstream = toml::upstream("service", backend.address());
    [toml::LISTEN, &upstream, &plugin("bad", guest, more), &route("[\"bad\"]")].concat()
}

async fn ask(gateway: &Gateway, mode: &str) -> Reply {
    gateway.client().send(request("POST", "/a").header("x-mode", mode), "some body").await
}

async fn decisions(gateway: &Gateway, decision: &str) -> f64 {
    let label = format!("decision=\"{decision}\"");
    metric(gateway, "torana_plugin_decisions_total", &["plugin=\"bad\"", &label]).await
}

fn id_of(answer: &Reply) -> String {
    answer.header("x-request-id").expect("a request id").to_owned()
}

#[tokio::test]
async fn a_trap_fails_one_request_and_the_log_says_all_of_it_in_one_line() {
    let backend = service().await;
    let gateway = Gateway::start(&through("misbehaving", "", &backend)).await;
    let client = gateway.client();
    let answer = client.send(request("GET", "/a").header("x-mode", "panic"), "").await;
    let problem = answer.problem(500);
    for inside in ["purpose", "bad", "misbehaving", ".rs"] {
        assert!(!answer.text().contains(inside), "{problem:#}");
    }
    let id = id_of(&answer);
    assert_eq!(problem["request_id"], *id);
    assert!(backend.received().is_empty(), "the service never heard of it");

    assert_eq!(client.get("/a").await.text(), BODY, "the next one is served");
    assert_eq!(client.connections(), 1, "on the same connection");
    assert_eq!(failures(&gateway, "bad", "trap").await, 1.0);
    let failed = ["plugin=\"bad\"", "route=\"all\"", "decision=\"fail\"", "status=\"500\""];
    assert_eq!(metric(&gateway, "torana_plugin_decisions_total", &failed).await, 1.0);

    let log = gateway.log().clone();
    gateway.stop().await;
    let about: Vec<_> = log.lines().into_iter().filter(|line| line.contains(&id)).collect();
    let [line] = about.as_slice() else { panic!("not one line: {about:#?}") };
    for part in ["ERROR", "panicked on purpose", "mode.rs", "\"bad\"", "\"all\"", "on-request-head"]
    {
        assert!(line.contains(part), "`{part}` is missing: {line}");
    }
    let texts = log.lines().iter().filter(|line| line.contains("on purpose")).count();
    assert_eq!(texts, 1, "{}", log.quote());
}

#[tokio::test]
async fn every_way_to_fail_has_its_cause_and_its_text() {
    let backend = service().await;
    let toml =
        through("misbehaving", "limits.cpu = \"500ms\"\nlimits.memory = \"16MiB\"", &backend);
    let gateway = Gateway::start(&toml).await;
    for (mode, cause, text) in [
        ("panic", "trap", "panicked on purpose"),
        ("recursion", "trap", "trapped"),
        ("loop", "cpu", "limits.cpu"),
        ("call-loop", "cpu", "limits.cpu"),
        ("memory", "memory", "limits.memory"),
        ("fail", "error", "failed on purpose"),
        ("bad-status", "contract", "99"),
        ("bad-header", "contract", "header"),
        ("cookie", "contract", "needs the grant headers = { write = [\"set-cookie\"] }"),
        ("many-headers", "contract", "1000"),
        ("header-huge", "error", ""),
    ] {
        for mode in [mode.to_owned(), format!("response={mode}")] {
            let before = failures(&gateway, "bad", cause).await;
            let answer = ask(&gateway, &mode).await;
            let problem = answer.problem(500);
            assert!(!answer.text().contains("few eyes"), "{mode}: {problem:#}");
            assert_eq!(failures(&gateway, "bad", cause).await, before + 1.0, "{mode}");
            let id = id_of(&answer);
            let line = gateway.wait_for_log(&mode, |line| line.contains(&id)).await;
            assert!(line.contains(text), "{mode}: {line}");
            let hook =
                if mode.starts_with("resp") { "on-response-head" } else { "on-request-head" };
            assert!(line.contains(hook), "{mode}: {line}");
            assert_eq!(ask(&gateway, "fine").await.text(), BODY, "after {mode}");
        }
    }
}

#[tokio::test]
async fn a_plugins_own_failure_has_a_text_for_each_side() {
    let backend = service().await;
    let gateway = Gateway::start(&through("misbehaving", "", &backend)).await;
    for mode in ["fail", "response=fail"] {
        let answer = ask(&gateway, mode).await;
        assert_eq!(answer.problem(500)["detail"], "It failed.");
        assert!(!answer.text().contains("purpose"), "{}", answer.text());
        let id = id_of(&answer);
        let line = gateway.wait_for_log(mode, |line| line.contains(&id)).await;
        assert!(line.contains("failed on purpose"), "{line}");
    }
}

#[tokio::test]
async fn on_error_decides_what_becomes_of_the_exchange() {
    let backend = service().await;
    for (on_error, request, response) in [
        ("\"deny\"", 500, 500),
        ("\"skip\"", 200, 200),
        ("503", 503, 503),
        ("{ request = \"skip\" }", 200, 500),
        ("{ response = \"skip\" }", 500, 200),
        ("{ request = 403, response = 451 }", 403, 451),
        ("{ request = \"deny\", response = 502 }", 500, 502),
    ] {
        for guest in ["misbehaving", "misbehaving-body"] {
            let more = format!("on_error = {on_error}");
            let gateway = Gateway::start(&through(guest, &more, &backend)).await;
            for (mode, status) in [
                ("panic", request),
                ("fail", request),
                ("response=panic", response),
                ("response=fail", response),
            ] {
                let answer = ask(&gateway, mode).await;
                if status == 200 {
                    assert_eq!((answer.status, answer.text()), (200, BODY), "{guest} {mode}");
                    let sent = backend.received().pop().expect("it was sent");
                    assert_eq!(sent.body, "some body", "{guest} {mode}");
                } else {
                    answer.problem(status);
                    assert!(!answer.text().contains("few eyes"), "{guest} {mode}");
                }
            }
            let skips = 2.0 * [request, response].iter().filter(|s| **s == 200).count() as f64;
            assert_eq!(decisions(&gateway, "skip").await, skips, "{on_error}");
            assert_eq!(decisions(&gateway, "fail").await, 4.0 - skips, "{on_error}");
        }
    }
}

#[tokio::test]
async fn a_skipped_plugin_is_logged() {
    let backend = service().await;
    let gateway = Gateway::start(&through("misbehaving", "on_error = \"skip\"", &backend)).await;
    let answer = ask(&gateway, "panic").await;
    assert_eq!(answer.text(), BODY);
    let id = id_of(&answer);
    let line = gateway.wait_for_log("the skip", |line| line.contains(&id)).await;
    for part in ["WARN", "panicked on purpose", "\"bad\"", "\"all\"", "on-request-head", "skip"] {
        assert!(line.contains(part), "`{part}` is missing: {line}");
    }
}

#[tokio::test]
async fn a_skipped_plugin_leaves_nothing_behind() {
    // Attributes are set in the order of their names: the first one can be set, the second not.
    let setter = plugin(
        "setter",
        "attribute-setter",
        "on_error = \"skip\"\nconfig.set = { a = \"set\", \"consumer.id\" = \"root\" }",
    );
    let echo = plugin("echo", "echo", "config.attributes = [\"setter.a\", \"consumer.id\"]");
    let toml = [toml::LISTEN, &setter, &echo, &crate::guests::handled("[\"setter\", \"echo\"]")];
    let gateway = Gateway::start(&toml.concat()).await;
    let seen = gateway.client().get("/a").await.json();
    assert_eq!(failures(&gateway, "setter", "error").await, 1.0);
    assert_eq!(seen["attributes"]["consumer.id"], serde_json::Value::Null, "{seen:#}");
    assert_eq!(seen["attributes"]["setter.a"], serde_json::Value::Null, "{seen:#}");
}

#[tokio::test]
async fn nothing_of_the_service_gets_past_a_response_plugin_that_fails() {
    let backend = service().await;
    for guest in ["misbehaving", "misbehaving-body"] {
        let toml = through(guest, "limits.cpu = \"500ms\"", &backend);
        let gateway = Gateway::start(&toml).await;
        for mode in ["panic", "loop", "fail"] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\nx-mode: response={mode}\r\n");
            let answer = raw(gateway.address("public"), head + "Connection: close\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 500 "), "{guest} {mode}: {answer}");
            assert!(answer.contains("\"status\":500"), "all of the problem: {answer}");
            for part in ["from the", "few eyes"] {
                assert!(!answer.contains(part), "{guest} {mode}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_writes_a_log_line_of_his_own() {
    let backend = service().await;
    let headers = "\n[plugins.headers]\ncomponent = \"headers\"\n\
        grants = { request-edit = true, response-edit = true }\n\
        config.request.set = { x-user = \"{params.name}\" }\n";
    let more =
        "match = { path = \"/users/{name}\" }\nchain = [\"headers\"]\nupstream = \"service\"";
    let upstream = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, &upstream, headers, &toml::route("users", more)].concat();
    let gateway = Gateway::start(&toml).await;
    for newline in ["%0A", "%0D%0A", "%0D", "%1B[2K"] {
        let from = gateway.log().len();
        let target = format!("/users/ada{newline}FORGED");
        let answer = raw(
            gateway.address("public"),
            format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "a header cannot have it: {answer}");
        // The next line that is there for sure.
        gateway.client().get(&format!("/nowhere{newline}FORGED")).await.problem(404);
        let line =
            gateway.log().wait_from(from, "no route", |line| line.contains("no-route")).await;
        assert!(!line.contains(['\r', '\x1b']), "{line:?}");
        let lines = gateway.log().lines();
        let forged = lines[from..].iter().find(|line| line.starts_with("FORGED"));
        assert!(forged.is_none(), "{lines:#?}");
    }
}

#[tokio::test]
async fn a_plugins_text_is_one_line_whatever_it_says() {
    // The failure names the attribute, as a panic of `assert_eq!` names its values: in several lines.
    let setter =
        plugin("setter", "attribute-setter", "config.set = { \"a\\nFORGED \\u001b[2K\" = \"x\" }");
    let echo = plugin("echo", "echo", "");
    let end = crate::guests::handled("[\"setter\", \"echo\"]");
    let gateway = Gateway::start(&[toml::LISTEN, &setter, &echo, &end].concat()).await;
    let answer = gateway.client().get("/a").await;
    answer.problem(500);
    let id = id_of(&answer);
    let line = gateway.wait_for_log("the failure", |line| line.contains(&id)).await;
    assert!(line.contains("ERROR") && line.contains("FORGED"), "{}", gateway.log().quote());
    assert!(!line.contains('\u{1b}'), "{line:?}");
}

#[tokio::test]
async fn neighbours_of_traps_do_not_notice() {
    let backend = service().await;
    let gateway = Gateway::start(&through("misbehaving", "", &backend)).await;
    let turns = (0..8).map(async |_| {
        let client = gateway.client();
        for turn in 0..40 {
            let mode = ["fine", "panic", "fine", "response=panic"][turn % 4];
            let answer = client.send(request("GET", "/a").header("x-mode", mode), "").await;
            match mode {
                "fine" => assert_eq!((answer.status, answer.text()), (200, BODY)),
                _ => drop(answer.problem(500)),
            }
        }
        assert_eq!(client.connections(), 1);
    });
    futures_util::future::join_all(turns).await;
    assert_eq!(failures(&gateway, "bad", "trap").await, 160.0);
}

#[tokio::test]
async fn a_plugin_that_fails_to_start_refuses_the_file() {
    let backend = service().await;
    for (mode, limits, parts) in [
        ("panic", "", &["panicked on purpose"][..]),
        ("loop", "limits.startup = \"200ms\"", &["limits.startup", "raise"][..]),
        ("memory", "limits.memory = \"8MiB\"", &["limits.memory", "raise"][..]),
        ("recursion", "", &["does not start", "trapped"][..]),
        ("fail", "", &["refused, on purpose"][..]),
    ] {
        let more = format!("{limits}\nconfig.configure = \"{mode}\"");
        let toml = through("misbehaving", &more, &backend);
        let mut gateway = Setup::new(&toml).spawn();
        assert_eq!(gateway.ended().await.code(), Some(1), "{mode}");
        let at = if mode == "fail" { format!("\"{mode}\"") } else { "{ path =".to_owned() };
        let before = &toml[..toml.find(&at).expect("it is there")];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        let said = gateway.log().quote();
        let place = format!("gateway.toml:{line}:{column}: error: ");
        assert!(said.contains(&place), "{mode}: expected {place}\n{said}");
        for part in parts {
            assert!(said.contains(part), "{mode}: `{part}` is missing\n{said}");
        }
        assert!(!said.contains("listening"), "{said}");
    }
}
