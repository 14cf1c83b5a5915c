//! The operator's pages: what is in service, without its secrets.

use std::fs;

use serde_json::{Value, json};
use torana_tests::{Backend, Gateway, Reply, Setup, Unused, raw, reply, request, toml, within};

use crate::guests::{PATIENT, handled, metric, plugin, route, wait_for_metric};

/// Secrets in every form in which one can give them, and some that should not be given so.
fn secretive(backend: &Backend) -> String {
    let upstream = toml::upstream("service", backend.address());
    let admin = "[admin]\ntoken = { secret = \"operator\" }\n";
    let plugins = format!(
        r#"
[secrets]
operator = {{ file = "canary-token" }}
hmac = {{ env = "HMAC_KEY" }}

# canary-comment
[plugins.headers]
component = "headers"
{PATIENT}
grants = {{ request-edit = true, response-edit = true, headers = {{ write = ["authorization"] }} }}
[plugins.headers.config.request.set]
authorization = "Basic canary-basic"
x-api-key = "canary-literal"
x-store = "redis://:canary-password@127.0.0.1:6379/0"
x-from-env = {{ env = "VALUE" }}
x-from-file = {{ file = "value" }}
x-kind = "shown"
"#
    );
    let token = format!(
        r#"
[plugins.token]
component = "jwt-auth"
{PATIENT}
[plugins.token.grants]
fetch = []
crypto = true
kv = true
request-edit = true
headers = {{ read = ["authorization"] }}
secrets = {{ use = ["hmac"] }}
attributes = ["consumer.id", "auth.scopes", "auth.claims"]
[plugins.token.config]
issuer = "partner"
audience = "shop"
algorithms = ["HS256"]
keys = [{{ hmac = {{ secret = "hmac" }} }}]
"#
    );
    let knowing = "match = { path = \"/known\", headers = { x-pass = { env = \"VALUE\" }, \
                   x-api-key = \"canary-condition\" } }\nupstream = \"service\"";
    let knowing = toml::route("knowing", knowing);
    let listen = toml::LISTEN.replace("[admin]\n", admin);
    let route = route("[\"headers\", \"token\"]");
    [listen, upstream, plugins, token, route, knowing].concat()
}

async fn ask(gateway: &Gateway, path: &str) -> Reply {
    let bearer = ("authorization", "Bearer canary-of-the-operator");
    gateway.admin().send(request("GET", path).header(bearer.0, bearer.1), "").await
}

#[tokio::test]
async fn no_page_and_no_log_line_shows_a_secret() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let good = secretive(&backend);
    let setup = Setup::new(&good)
        .file("canary-token", "canary-of-the-operator\n")
        .file("value", "canary-in-a-file\n")
        .env("HMAC_KEY", "canary-canary-canary-canary-canary-hmac")
        .env("VALUE", "canary-in-the-environment");
    let gateway = setup.start().await;
    let pages = ["/", "/config", "/routes", "/upstreams", "/plugins", "/metrics", "/nothing"];
    let look = async || {
        for page in pages {
            assert_eq!(gateway.admin().get(page).await.status, 401, "{page}");
            let answer = ask(&gateway, page).await;
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{page}");
            // The one name that has the word is the name of a file.
            let text = answer.text().replace("canary-token", "");
            assert!(!text.contains("canary"), "{page}: {text}");
        }
        assert!(!gateway.log().quote().replace("canary-token", "").contains("canary"));
    };
    look().await;
    // Refused for a value that stands in a file: diagnostics do not quote it.
    for (from, to) in [
        ("upstream = \"service\"", "upstream = { file = \"value\" }"),
        ("upstream = \"service\"", "upstream = { env = \"HMAC_KEY\" }"),
        ("x-kind = \"shown\"", "\"not a name\" = { env = \"VALUE\" }"),
    ] {
        let from_line = gateway.log().len();
        assert!(good.contains(from), "{from}");
        gateway.write(&good.replace(from, to));
        gateway.signal_reload();
        let refused = |line: &str| line.contains("reload refused");
        gateway.log().wait_from(from_line, "the refusal", refused).await;
        let page = ask(&gateway, "/config").await.json();
        assert_ne!(page["refused"]["problems"], json!([]), "{page:#}");
        let answer = ask(&gateway, "/config").await;
        assert!(!answer.text().replace("canary-token", "").contains("canary"), "{page:#}");
    }
    let conditions = &ask(&gateway, "/routes").await.json()[1]["match"]["headers"];
    assert_eq!(*conditions, json!({ "x-pass": "***", "x-api-key": "***" }));
    let config = &ask(&gateway, "/config").await.json()["config"];
    let set = &config["plugins"]["headers"]["config"]["request"]["set"];
    assert_eq!(set["x-store"], "redis://***@127.0.0.1:6379/0");
    assert_eq!(set["x-kind"], "shown");
    assert_eq!(set["x-from-env"], json!({ "env": "VALUE" }));
    assert_eq!(config["secrets"]["operator"], json!({ "file": "canary-token" }));
    assert_eq!(config["admin"]["token"], json!({ "secret": "operator" }));
}

#[tokio::test]
async fn config_tells_what_serves_and_what_was_refused() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let good = toml::proxy(backend.address());
    let gateway = Gateway::start(&good).await;
    let page = async || gateway.admin().get("/config").await;
    let first = page().await;
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert!(first.text().starts_with("{\n  \"file\": "), "in lines, for people: {}", first.text());
    let first = first.json();
    assert!(first["file"].as_str().is_some_and(|file| file.ends_with("/gateway.toml")));
    assert_eq!(first["sha256"].as_str().map(str::len), Some(64));
    assert!(first["loaded"].as_str().is_some_and(|time| time.ends_with('Z')));
    assert_eq!(first["files"].as_array().map(Vec::len), Some(1));
    assert_eq!(first["refused"], Value::Null);
    assert_eq!(first["config"]["gateway"]["workers"], 2);
    assert_eq!(first["config"]["routes"][0]["upstream"], "service");
    assert_eq!(metric(&gateway, "torana_config_last_reload_success", &[]).await, 1.0);
    let since = metric(&gateway, "torana_config_loaded_timestamp_seconds", &[]).await;
    assert!(since > 1_600_000_000.0, "{since}");

    let reload = async |toml: &str, said: &str| {
        let from = gateway.log().len();
        gateway.write(toml);
        gateway.signal_reload();
        gateway.log().wait_from(from, said, |line| line.contains(said)).await;
    };
    let wrong = good.replace("upstream = \"service\"", "upstream = \"sevrice\"");
    reload(&wrong, "reload refused").await;
    let second = page().await.json();
    let problem = &second["refused"]["problems"][0];
    assert_eq!(problem["severity"], "error");
    assert!(problem["line"].is_u64() && problem["column"].is_u64(), "{problem:#}");
    assert!(problem["message"].as_str().is_some_and(|text| text.contains("sevrice")));
    for key in ["sha256", "loaded", "config"] {
        assert_eq!(second[key], first[key], "what serves is what it was");
    }
    assert_eq!(metric(&gateway, "torana_config_last_reload_success", &[]).await, 0.0);

    reload(&format!("{good}timeout = \"9s\"\n"), " reloaded").await;
    let third = page().await.json();
    assert_eq!(third["refused"], Value::Null);
    assert_eq!(third["config"]["routes"][0]["timeout"], "9s");
    assert_ne!(third["sha256"], first["sha256"]);
    assert_eq!(metric(&gateway, "torana_config_last_reload_success", &[]).await, 1.0);
    assert!(metric(&gateway, "torana_config_loaded_timestamp_seconds", &[]).await > since);
}

#[tokio::test]
async fn routes_plugins_and_upstreams_as_they_are_in_service() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let nobody = Unused::new();
    let listen = format!("{}chain = [\"first\"]\n", toml::LISTEN);
    let second = "\n[listen.second]\naddress = \"127.0.0.1:0\"\n";
    let upstream = format!(
        "\n[upstreams.service]\ntargets = [{{ address = \"{}\", weight = 3 }}, \"{}\"]\n\
         eject = {{ failures = 1, most = \"50%\" }}\nlimits = {{ in_flight = 50 }}\n",
        backend.address(),
        nobody.address()
    );
    let more = "match = { path = \"/a/{id}\", methods = [\"GET\"], hosts = [\"*.example\"], \
                headers = { x-beta = true }, query = { v = \"2\" } }\n\
                chain = [\"second\"]\nupstream = \"service\"\nstrip = \"/a\"\ntimeout = \"7s\"";
    let toml = [
        &listen,
        second,
        &upstream,
        &plugin("first", "observer", ""),
        &plugin("second", "counter", "limits.instances = 3"),
        &toml::route("one", more),
        &toml::route("two", toml::ALL),
    ]
    .concat();
    let gateway = Gateway::start(&toml).await;
    for _ in 0..10 {
        assert_eq!(gateway.client().get("/other").await.status, 200);
    }
    let page = async |path: &str| gateway.admin().get(path).await.json();

    let plugins = page("/plugins").await;
    let (first, second) = (&plugins[0], &plugins[1]);
    assert_eq!((&first["name"], &second["name"]), (&json!("first"), &json!("second")));
    assert_eq!(
        second["grants"],
        json!({ "kv": { "max_bytes": 16 << 20, "shared": false }, "rate-limit": true })
    );
    assert!(second["imports"].as_array().is_some_and(|i| i.contains(&json!("rate-limit"))));
    assert!(first["calls"].as_u64() >= Some(10), "{first:#}");
    assert_eq!(second["calls"], 0);
    assert!(first["instances"]["idle"].as_u64() >= Some(1), "{first:#}");
    assert_eq!(first["instances"]["busy"], 0);

    let routes = page("/routes").await;
    let one = &routes[0];
    assert_eq!(one["name"], "one");
    assert_eq!(one["match"]["path"], "/a/{id}");
    assert_eq!(one["match"]["hosts"], json!(["*.example"]));
    assert_eq!(one["match"]["headers"], json!({ "x-beta": true }));
    assert_eq!(one["match"]["query"], json!({ "v": "2" }));
    assert_eq!((&one["upstream"], &one["timeout"]), (&json!("service"), &json!("7s")));
    assert_eq!(one["rewrite"], json!({ "strip": "/a" }));
    let entry = |plugin: &Value| json!({ "name": plugin["name"], "sha256": plugin["sha256"] });
    let chains = json!([
        { "listen": ["public"], "plugins": [entry(first), entry(second)] },
        { "listen": ["second"], "plugins": [entry(second)] },
    ]);
    assert_eq!(one["chains"], chains);

    let service = &page("/upstreams").await[0];
    assert_eq!(service["name"], "service");
    assert_eq!(service["limits"], json!({ "in_flight": { "reached": false, "refused": 0 } }));
    let (good, bad) = (&service["targets"][0], &service["targets"][1]);
    assert_eq!((&good["weight"], &bad["weight"]), (&json!(3), &json!(1)));
    assert_eq!((&good["healthy"], &bad["healthy"]), (&json!(true), &json!(false)));
    assert_eq!(good["in_flight"], 0);
    assert!(good["requests"].as_u64() >= Some(10), "{good:#}");
    assert!(good["connections"]["idle"].as_u64() >= Some(1), "{good:#}");
    assert!(bad["connect_failures"].as_u64() >= Some(1), "{bad:#}");
}

#[tokio::test]
async fn a_plugin_that_no_chain_uses_ticks_all_the_same() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let idle = plugin("idle", "counter", "config.tick_ms = 100");
    let gateway = Gateway::start(&(toml::proxy(backend.address()) + &idle)).await;
    let ticked = async {
        loop {
            let plugins = gateway.admin().get("/plugins").await.json();
            assert_eq!(
                (&plugins[0]["name"], &plugins[0]["tick"]),
                (&json!("idle"), &json!("100ms"))
            );
            if plugins[0]["calls"].as_u64() >= Some(2) {
                return;
            }
        }
    };
    within("two ticks", ticked).await;
}

#[tokio::test]
async fn ticks_are_counted_and_so_are_those_that_fail() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let well = plugin("well", "counter", "config.tick_ms = 3600000");
    let ill = plugin("ill", "counter", "config = { tick_ms = 3600000, tick = \"fail\" }");
    let toml = toml::proxy(backend.address()) + &well + &ill;
    let gateway = Gateway::start(&toml).await;
    let of = |plugin: &'static str| [plugin, "route=\"\"", "hook=\"on-tick\""];
    wait_for_metric(&gateway, "torana_plugin_seconds_count", &of("plugin=\"well\""), 1.0).await;
    let failing = of("plugin=\"ill\"");
    wait_for_metric(&gateway, "torana_plugin_failures_total", &failing, 1.0).await;
    let failed = ["plugin=\"ill\"", "decision=\"fail\""];
    assert!(metric(&gateway, "torana_plugin_decisions_total", &failed).await >= 1.0);
    assert_eq!(metric(&gateway, "torana_plugin_failures_total", &of("plugin=\"well\"")).await, 0.0);

    // They go on after a reload, and hold nothing of what it has taken away.
    gateway.client().get("/a").await;
    assert_eq!(metric(&gateway, "torana_requests_total", &["route=\"all\""]).await, 1.0);
    gateway.write(&toml.replace("name = \"all\"", "name = \"other\""));
    gateway.signal_reload();
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
    wait_for_metric(&gateway, "torana_requests_total", &["route=\"all\""], 0.0).await;
    assert!(metric(&gateway, "torana_plugin_seconds_count", &of("plugin=\"well\"")).await >= 1.0);
}

#[tokio::test]
async fn the_index_lists_every_page_and_nothing_can_be_changed() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let admin = gateway.admin();
    let index = admin.get("/").await;
    let pages: Vec<&str> = index.text().lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(pages.len(), 7, "{pages:?}");
    for page in pages {
        assert_eq!(admin.get(page).await.status, 200, "{page}");
        let head = admin.send(request("HEAD", page), "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{page}");
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = admin.send(request(method, page), "").await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{page}");
        }
        let foreign = admin.send(request("GET", page).header("host", "evil.example"), "").await;
        let is_about_health = matches!(page, "/healthz" | "/readyz");
        assert_eq!(foreign.status, if is_about_health { 200 } else { 421 }, "{page}");
        assert_eq!(gateway.client().get(page).await.text(), "ok", "not on a public address");
    }
}

#[tokio::test]
async fn balancers_ask_by_any_name_and_who_has_the_token_too() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let admin = "[admin]\ntoken = { secret = \"operator\" }\n";
    let toml = toml::proxy(backend.address()).replace("[admin]\n", admin);
    let secret = "\n[secrets]\noperator = { file = \"token\" }\n";
    let gateway = Setup::new(&(toml + secret)).file("token", "of-the-operator").start().await;
    let named = |page: &str| request("GET", page).header("host", "gateway.internal:9090");
    for page in ["/healthz", "/readyz"] {
        assert_eq!(gateway.admin().send(named(page), "").await.status, 200, "{page}");
        let bare = raw(gateway.address("admin"), format!("GET {page} HTTP/1.0\r\n\r\n")).await;
        assert!(bare.starts_with("HTTP/1.0 200"), "{bare}");
    }
    let with = named("/metrics").header("authorization", "Bearer of-the-operator");
    assert_eq!(gateway.admin().send(with, "").await.status, 200);
    let wrong = named("/metrics").header("authorization", "Bearer of-nobody");
    assert_eq!(gateway.admin().send(wrong, "").await.status, 421);
    let bare = raw(gateway.address("admin"), "GET /metrics HTTP/1.0\r\n\r\n").await;
    assert!(bare.starts_with("HTTP/1.0 401"), "{bare}");
    let refused = "refused on the admin address: its host is neither an address nor localhost";
    gateway.wait_for_log("the refusal", |line| line.contains(refused)).await;
}

#[tokio::test]
async fn the_process_and_the_build_have_numbers() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    assert_eq!(gateway.client().get("/a").await.status, 200);
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(metric(&gateway, "torana_build_info", &[&version]).await, 1.0);
    let number = async |name: &str| metric(&gateway, name, &[]).await;
    let open = fs::read_dir(format!("/proc/{}/fd", gateway.pid())).expect("fd").count();
    assert!((5.0..open as f64 + 10.0).contains(&number("process_open_fds").await));
    assert!(number("process_max_fds").await >= open as f64);
    assert!(number("process_threads").await >= 3.0, "two workers and the control thread");
    assert!(number("process_resident_memory_bytes").await > 1e6);
    assert!(number("process_virtual_memory_bytes").await > 1e6);
    assert!(number("process_cpu_seconds_total").await > 0.0);
    assert!(number("process_start_time_seconds").await > 1.6e9);
    // Once more as Prometheus asks for it.
    let asked = request("GET", "/metrics").header("accept", "application/openmetrics-text");
    let text = gateway.admin().send(asked, "").await.text().to_owned();
    assert_eq!(text.matches("# EOF").count(), 1, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn what_plugins_decide_is_counted_by_route_and_status() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let upstream = toml::upstream("service", backend.address());
    let bad = plugin("bad", "misbehaving", "on_error = 503");
    let toml = [toml::LISTEN, &upstream, &bad, &route("[\"bad\"]")].concat();
    let gateway = Gateway::start(&toml).await;
    for (mode, status) in [("fine", 200), ("panic", 503), ("panic", 503)] {
        let request = request("GET", "/a").header("x-mode", mode);
        assert_eq!(gateway.client().send(request, "").await.status, status);
    }
    let decided = async |decision: &str, status: &str| {
        let labels =
            [("plugin", "bad"), ("route", "all"), ("decision", decision), ("status", status)];
        let labels = labels.map(|(name, value)| format!("{name}=\"{value}\""));
        let labels = labels.each_ref().map(|label| &**label);
        metric(&gateway, "torana_plugin_decisions_total", &labels).await
    };
    assert!(decided("next", "").await >= 1.0);
    assert_eq!(decided("fail", "503").await, 2.0);
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_as_those_of_listeners_are() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let admin = format!("[admin]\naddress = \"127.0.0.1:{port}\"\n");
    let toml = "[listen.public]\naddress = \"127.0.0.1:0\"\n".to_owned()
        + &admin
        + &toml::route("all", "match = { path = \"/\" }\nreply = { status = 204 }");
    let mut gateway = Setup::new(&toml).spawn();
    gateway.wait_for_log("the reason", |line| line.contains("another process listens there")).await;
    gateway.wait_for_log("its place", |line| line.contains("gateway.toml:4:11")).await;
    assert!(!gateway.ended().await.success());
}

#[tokio::test]
async fn what_is_counted_is_there_before_its_first_event() {
    let toml = [toml::LISTEN, &plugin("echo", "echo", ""), &handled("[\"echo\"]")].concat();
    let gateway = Gateway::start(&toml).await;
    let page = gateway.admin().get("/metrics").await;
    for series in [
        "torana_access_log_dropped_total{reason=\"buffer\"}",
        "torana_access_log_dropped_total{reason=\"write\"}",
        "torana_config_reloads_total{result=\"ok\"}",
        "torana_config_reloads_total{result=\"refused\"}",
        "torana_audit_log_failed_total",
    ] {
        assert!(page.text().contains(&format!("\n{series} 0\n")), "{series} in {}", page.text());
    }
}
