//! The access log: what stands in a line, and where lines go.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use torana_tests::{
    Backend, Gateway, Raw, RawBackend, Setup, Unused, raw, reply, request, toml, within,
};

use tokio::io::AsyncWriteExt as _;

use crate::guests::{self, wait_for_metric};

const HEADERS: &str = r#"
[plugins.headers]
component = "headers"
grants = { request-edit = true, response-edit = true }
config.request.set = { x-user = "{params.id}" }
# What is the same for all would be set without a call.
config.response.set = { x-shop = "{request.query.shop:-a}" }
"#;

fn config(log: &str, target: std::net::SocketAddr) -> String {
    let route = "match = { path = \"/users/{id}\" }\nchain = [\"headers\"]\nupstream = \"service\"";
    let upstream = toml::upstream("service", target);
    [toml::LISTEN, &upstream, HEADERS, &toml::route("users", route), log].concat()
}

/// The lines of standard output, once there are so many.
async fn lines(gateway: &Gateway, count: usize) -> Vec<Value> {
    let mut lines = Vec::new();
    for _ in 0..count {
        let line = gateway.output().wait_from(lines.len(), "a line", |_| true).await;
        lines.push(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}")));
    }
    lines
}

#[tokio::test]
async fn a_line_says_who_asked_what_and_what_became_of_it() {
    let backend = Backend::start(|_| reply(201, "12345")).await;
    let fields = "\n[access_log]\nfields = [\"time\", \"request_id\", \"client\", \"method\", \
        \"scheme\", \"path\", \"query\", \"protocol\", \"route\", \"upstream\", \"status\", \
        \"request_bytes\", \"response_bytes\", \"duration_ms\", \"upstream_ms\", \"complete\", \
        \"plugins\", \"param.id\", \"request_header.x-user\", \"response_header.x-shop\", \
        \"attributes.consumer.id\", \"attributes\"]\n";
    let gateway = Gateway::start(&config(fields, backend.address())).await;
    let answer = gateway.client().post("/users/7?a=%22%0a", "abc").await;
    let id = answer.header("x-request-id").expect("an id").to_owned();
    let line = lines(&gateway, 1).await.remove(0);
    for (name, value) in [
        ("request_id", json!(id)),
        ("client", json!("127.0.0.1")),
        ("method", json!("POST")),
        ("scheme", json!("http")),
        ("path", json!("/users/7")),
        ("query", json!("a=%22%0a")),
        ("protocol", json!("HTTP/1.1")),
        ("route", json!("users")),
        ("upstream", json!("service")),
        ("status", json!(201)),
        ("request_bytes", json!(3)),
        ("response_bytes", json!(5)),
        ("complete", json!(true)),
        ("param.id", json!("7")),
        ("request_header.x-user", json!("7")),
        ("response_header.x-shop", json!("a")),
        ("attributes.consumer.id", Value::Null),
        ("attributes", json!({})),
    ] {
        assert_eq!(line[name], value, "{name} in {line:#}");
    }
    let time = line["time"].as_str().expect("a time");
    assert!(time.ends_with('Z') && time.len() == "2026-11-25T12:00:00.000Z".len(), "{time}");
    assert!(line["duration_ms"].as_f64() >= line["upstream_ms"].as_f64(), "{line:#}");
    let steps = line["plugins"].as_array().expect("a list");
    let step = |hook: &str| steps.iter().find(|step| step["hook"] == hook).expect("a step");
    assert_eq!(step("on-request-head")["plugin"], "headers");
    assert_eq!(step("on-response-head")["decision"], "next");
    let names: Vec<_> = line.as_object().expect("an object").keys().collect();
    assert_eq!((names[0], names[21]), (&"time".to_owned(), &"attributes".to_owned()), "in order");
}

/// Without plugins what was received goes on as it is, and only the log asks for it later.
#[tokio::test]
async fn a_field_of_the_request_is_still_there_when_it_was_sent() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let log = "\n[access_log]\nfields = [\"request_header.x-user\", \"status\"]\n";
    let gateway = Gateway::start(&(toml::proxy(backend.address()) + log)).await;
    gateway.client().send(request("GET", "/").header("x-user", "Ada"), "").await;
    assert_eq!(backend.only().headers["x-user"], "Ada");
    let line = lines(&gateway, 1).await.remove(0);
    assert_eq!(line, json!({ "request_header.x-user": "Ada", "status": 200 }));
}

#[tokio::test]
async fn a_line_says_which_target_answered_and_how_often_it_was_tried() {
    let (backend, nobody) = (Backend::start(|_| reply(200, "ok")).await, Unused::new());
    let log = "\n[access_log]\nfields = [\"path\", \"upstream\", \"target\", \"attempts\"]\n";
    let (dead, alive) = (nobody.address().to_string(), backend.address().to_string());
    let targets = format!("\n[upstreams.service]\ntargets = [\"{dead}\", \"{alive}\"]\n");
    let alone = format!("\n[upstreams.alone]\ntargets = [\"{dead}\"]\n");
    let route = |name: &str, upstream: &str| {
        toml::route(name, &format!("match = {{ path = \"/{name}\" }}\nupstream = \"{upstream}\""))
    };
    let listen = toml::LISTEN.replace("workers = 2", "workers = 1");
    let routes = [route("all", "service"), route("gone", "alone")].concat();
    let gateway = Gateway::start(&[&listen, &targets, &alone, &routes, log].concat()).await;
    let client = gateway.client();
    for (path, status) in [("/all", 200), ("/all", 200), ("/gone", 502), ("/nowhere", 404)] {
        assert_eq!(client.get(path).await.status, status);
    }
    let mut said = lines(&gateway, 4).await;
    // Whose turn it was first is the balancer's to say.
    said[..2].sort_by_key(|line| line["attempts"].as_u64());
    let expected = [
        json!({ "path": "/all", "upstream": "service", "target": alive, "attempts": 1 }),
        json!({ "path": "/all", "upstream": "service", "target": alive, "attempts": 2 }),
        json!({ "path": "/gone", "upstream": "alone", "target": dead, "attempts": 1 }),
        json!({ "path": "/nowhere", "upstream": null, "target": null, "attempts": 0 }),
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn what_is_refused_is_written_down_too() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let gateway = Gateway::start(&config("\n[access_log]\n", backend.address())).await;
    let client = gateway.client();
    for (target, status) in [("/nowhere", 404), ("/users/%00", 400), ("/users/1", 200)] {
        assert_eq!(client.get(target).await.status, status);
    }
    let said: Vec<_> = lines(&gateway, 3).await;
    let fields = |line: &Value| (line["path"].clone(), line["status"].clone());
    // Each worker has a buffer of its own, so the order is that of the workers.
    let mut said: Vec<_> = said.iter().map(fields).map(|pair| format!("{pair:?}")).collect();
    said.sort();
    let expected = [("/nowhere", 404), ("/users/%00", 400), ("/users/1", 200)];
    let expected = expected.map(|(path, status)| format!("{:?}", (json!(path), json!(status))));
    assert_eq!(said, expected);
}

#[tokio::test]
async fn what_is_no_request_is_written_down_as_far_as_it_is_known() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let log = "\n[access_log]\nfields = [\"request_id\", \"client\", \"method\", \"scheme\", \"host\", \
        \"path\", \"query\", \"protocol\", \"route\", \"upstream\", \"status\", \"request_bytes\", \
        \"response_bytes\", \"complete\", \"plugins\", \"request_header.host\"]\n";
    let gateway = Gateway::start(&config(log, backend.address())).await;
    let answer = raw(gateway.address("public"), "GET / HTTP/1.1\r\nHost : a\r\n\r\n").await;
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    let problem: Value = serde_json::from_str(body).expect("JSON");
    let line = lines(&gateway, 1).await.remove(0);
    let expected = json!({
        "request_id": problem["request_id"], "client": "127.0.0.1", "method": null, "scheme": "http",
        "host": null, "path": null, "query": null, "protocol": null, "route": null, "upstream": null,
        "status": 400, "request_bytes": 0, "response_bytes": body.len(), "complete": true,
        "plugins": [], "request_header.host": null,
    });
    assert_eq!(line, expected);
    let counted = "torana_requests_total{route=\"\",status=\"400\"} 1";
    assert!(gateway.admin().get("/metrics").await.text().contains(counted));
}

/// Half of an answer by path: `/users/upstream` ends there, `/timed` goes on for ever, the rest says no more, and
/// `/users/never` nothing at all.
async fn half_hearted() -> RawBackend {
    RawBackend::start(|mut connection| async move {
        let head = connection.head().await;
        match head.split_whitespace().nth(1).expect("a path") {
            "/users/never" => {}
            "/users/upstream" => return connection.write(HALF).await,
            "/timed" => {
                connection.write("HTTP/1.1 200 OK\r\n\r\n").await;
                while connection.stream.write_all(b"more").await.is_ok() {
                    tokio::task::yield_now().await;
                }
            }
            _ => connection.write(HALF).await,
        }
        drop(connection.rest().await);
    })
    .await
}

const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";

/// Its fields, but for those of plugins.
fn picked(fields: &str, target: std::net::SocketAddr) -> String {
    let idle = "timeouts = { idle = \"200ms\" }\n";
    let timed = "match = { path = \"/timed\" }\nupstream = \"service\"\ntimeout = \"200ms\"";
    let log = format!("\n[access_log]\nfields = [{fields}]\n");
    let toml = config(&log, target);
    let service = format!("targets = [\"{target}\"]\n");
    assert!(toml.contains(&service), "{toml}");
    toml.replace(&service, &(service.clone() + idle)) + &toml::route("timed", timed)
}

#[tokio::test]
async fn a_response_that_breaks_off_says_whose_doing_that_was() {
    let backend = half_hearted().await;
    let fields = r#""path", "status", "complete", "broken", "target", "request_id""#;
    let gateway = Gateway::start(&picked(fields, backend.address())).await;
    let target = backend.address().to_string();
    for (path, cause) in [
        ("/users/client", "client"),
        ("/users/upstream", "upstream"),
        ("/users/idle", "idle"),
        ("/timed", "deadline"),
    ] {
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        match cause {
            "client" => drop(client.read_until("half").await),
            _ => drop(client.read_to_end().await),
        }
        drop(client);
        let line = gateway.output().wait(cause, |line| line.contains(path)).await;
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let id = line["request_id"].as_str().expect("an id");
        let expected = json!({
            "path": path, "status": 200, "complete": false, "broken": cause, "target": target,
            "request_id": id,
        });
        assert_eq!(line, expected);
        if cause != "client" {
            let said = gateway.wait_for_log(cause, |line| line.contains(id)).await;
            let level = if cause == "deadline" { "INFO" } else { "WARN" };
            let route = if cause == "deadline" { "timed" } else { "users" };
            for part in [level, "the response broke off", &target, "service", route, cause] {
                assert!(said.contains(part), "{part} in {said}");
            }
            let labels = format!("upstream=\"service\",target=\"{target}\",cause=\"{cause}\"");
            let counted = format!("torana_upstream_responses_broken_total{{{labels}}} 1");
            let metrics = gateway.admin().get("/metrics").await;
            assert!(metrics.text().contains(&counted), "{counted} in {}", metrics.text());
        }
    }
    let told = gateway.log().lines();
    let told = told.iter().filter(|line| line.contains("broke off")).count();
    assert_eq!(told, 3, "of who leaves there is no line");
    let page = gateway.admin().get("/upstreams").await.json();
    let broken = json!({ "upstream": 1, "idle": 1, "deadline": 1 });
    assert_eq!(page[0]["targets"][0]["broken"], broken, "{page:#}");
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_is_written_down_and_counted() {
    let backend = Backend::start_async(|_| std::future::pending()).await;
    let fields = r#""method", "host", "path", "route", "upstream", "target", "attempts", "status",
        "upstream_ms", "complete", "broken", "plugins", "param.id", "request_header.x-user""#;
    let gateway = Gateway::start(&picked(fields, backend.address())).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write("GET /users/1 HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    backend.wait_for(1).await;
    drop(client);
    let mut line = lines(&gateway, 1).await.remove(0);
    let step = line["plugins"][0].take();
    assert_eq!((&step["plugin"], &step["decision"]), (&json!("headers"), &json!("next")));
    assert!(line["upstream_ms"].take().as_f64().expect("it was called") > 0.0);
    let expected = json!({
        "method": "GET", "host": "shop.example", "path": "/users/1", "route": "users",
        "upstream": "service", "target": backend.address().to_string(), "attempts": 1,
        "status": 499, "upstream_ms": null, "complete": false, "broken": "client",
        "plugins": [null], "param.id": "1", "request_header.x-user": "1",
    });
    assert_eq!(line, expected);
    let counted = "torana_requests_total{route=\"users\",status=\"499\"} 1";
    assert!(gateway.admin().get("/metrics").await.text().contains(counted));
}

/// The exchange is in the plugin's hands then.
#[tokio::test]
async fn a_client_that_leaves_while_a_plugin_runs_is_written_down_with_all_that_is_known() {
    let backend = Backend::start_async(|_| std::future::pending()).await;
    let log = "\n[access_log]\nfields = [\"host\", \"path\", \"upstream\", \"status\", \"plugins\", \
        \"attributes\"]\n";
    let setter = guests::plugin("a", "attribute-setter", "config.set = { plan = \"gold\" }");
    let fetcher = guests::plugin("f", "fetcher", "config.calls = [{ to = \"service\" }]");
    let upstream = toml::upstream("service", backend.address());
    let route = guests::handled("[\"a\", \"f\"]");
    let gateway =
        Gateway::start(&[toml::LISTEN, &upstream, &setter, &fetcher, &route, log].concat()).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write("GET /slow HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    backend.wait_for(1).await;
    drop(client);
    let mut line = lines(&gateway, 1).await.remove(0);
    let steps = line["plugins"].take();
    let step = |index: usize, name: &str| steps[index][name].as_str().expect("text").to_owned();
    assert_eq!([step(0, "plugin"), step(0, "decision")], ["a", "next"]);
    assert_eq!([step(1, "plugin"), step(1, "hook"), step(1, "decision")], ["f", "handler", "left"]);
    let expected = json!({
        "host": "shop.example", "path": "/slow", "upstream": null, "status": 499, "plugins": null,
        "attributes": { "a.plan": "gold" },
    });
    assert_eq!(line, expected);
}

#[tokio::test]
async fn what_the_end_of_drain_breaks_off_has_not_been_left() {
    let backend = half_hearted().await;
    let toml = picked(r#""path", "status", "complete", "broken""#, backend.address());
    let toml = toml.replacen("[gateway]", "[gateway]\ndrain = \"100ms\"", 1);
    let gateway = Gateway::start(&toml.replace("idle = \"200ms\"", "idle = \"1h\"")).await;
    let ask = async |path: &str| {
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        client
    };
    let mut half = ask("/users/half").await;
    half.read_until("half").await;
    let in_flight = "torana_upstream_in_flight";
    let _never = ask("/users/never").await;
    wait_for_metric(&gateway, in_flight, &["upstream=\"service\""], 2.0).await;
    gateway.signal(Signal::SIGTERM);
    let mut said = lines(&gateway, 2).await;
    said.sort_by_key(|line| line["path"].to_string());
    let line = |path: &str, status: u16| json!({ "path": path, "status": status, "complete": false, "broken": "drain" });
    assert_eq!(said, [line("/users/half", 200), line("/users/never", 503)]);
}

#[tokio::test]
async fn what_is_asked_of_the_server_itself_is_written_down_and_counted() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let log = "\n[access_log]\nfields = [\"method\", \"path\", \"route\", \"status\"]\n";
    let gateway = Gateway::start(&config(log, backend.address())).await;
    let ask = "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    raw(gateway.address("public"), ask).await;
    let line = lines(&gateway, 1).await.remove(0);
    assert_eq!(line, json!({ "method": "OPTIONS", "path": "*", "route": null, "status": 204 }));
    let counted = "torana_requests_total{route=\"\",status=\"204\"} 1";
    assert!(gateway.admin().get("/metrics").await.text().contains(counted));
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_left_at_a_reload() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let log = "\n[access_log]\npath = \"access.log\"\nfields = [\"path\"]\n";
    let toml = config(log, backend.address());
    let gateway = Setup::new(&toml).start().await;
    let client = gateway.client();
    client.get("/users/before").await;
    fs::rename(gateway.path("access.log"), gateway.path("access.log.1")).expect("renaming");
    gateway.signal_reload();
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
    client.get("/users/after").await;
    let (new, old) = (gateway.path("access.log"), gateway.path("access.log.1"));
    // What stands in the files is seen when the gateway has ended: the folder is gone by then, so
    // the files are kept open.
    let (mut new, mut old) = (fs::File::open(new).unwrap(), fs::File::open(old).unwrap());
    assert!(gateway.stop().await.success());
    assert_eq!(read(&mut old), "{\"path\":\"/users/before\"}\n");
    assert_eq!(read(&mut new), "{\"path\":\"/users/after\"}\n");
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_left_where_the_reload_is_refused_too() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let log = "\n[access_log]\npath = \"access.log\"\nfields = [\"path\"]\n";
    let gateway = Gateway::start(&config(log, backend.address())).await;
    let client = gateway.client();
    client.get("/users/before").await;
    fs::rename(gateway.path("access.log"), gateway.path("access.log.1")).expect("renaming");
    gateway.write("[listen.public]\n");
    gateway.signal_reload();
    gateway.wait_for_log("the refusal", |line| line.contains("reload refused")).await;
    client.get("/users/after").await;
    let [mut old, mut new] = ["access.log.1", "access.log"]
        .map(|name| fs::File::open(gateway.path(name)).expect("a file of the log"));
    assert!(gateway.stop().await.success());
    assert_eq!(read(&mut old), "{\"path\":\"/users/before\"}\n");
    assert_eq!(read(&mut new), "{\"path\":\"/users/after\"}\n");
}

#[tokio::test]
async fn half_a_line_that_a_restart_finds_is_ended() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let log = "\n[access_log]\npath = \"access.log\"\nfields = [\"path\"]\n";
    let setup = Setup::new(&config(log, backend.address())).file("access.log", "{\"path\":\"/us");
    let gateway = setup.start().await;
    gateway.client().get("/users/1").await;
    let mut file = fs::File::open(gateway.path("access.log")).expect("the log");
    gateway.stop().await;
    assert_eq!(read(&mut file), "{\"path\":\"/us\n{\"path\":\"/users/1\"}\n");
}

#[tokio::test]
async fn a_full_disk_costs_lines_and_no_request() {
    let backend = Backend::start(|_| reply(200, "fine")).await;
    let log = "\n[access_log]\npath = \"/dev/full\"\n";
    let gateway = Gateway::start(&config(log, backend.address())).await;
    for _ in 0..3 {
        assert_eq!(gateway.client().get("/users/1").await.text(), "fine");
    }
    gateway.wait_for_log("the failure", |line| line.contains("cannot be written")).await;
    let labels = ["reason=\"write\""];
    wait_for_metric(&gateway, "torana_access_log_dropped_total", &labels, 3.0).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_there_is_refused_at_its_place() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let log = "\n[access_log]\npath = \"no/such/folder.log\"\n";
    let toml = config(log, backend.address());
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("gateway.toml"), &toml).expect("writing");
    let line = toml.lines().position(|line| line.contains("no/such")).expect("it is there") + 1;
    let checked = torana_tests::command::torana(folder.path(), &["check", "gateway.toml"]);
    let said = checked.expect(1).stderr;
    assert!(said.contains(&format!("gateway.toml:{line}:8: error: the access log")), "{said}");
    // And on reload the old one goes on.
    let good = config("", backend.address());
    let gateway = Gateway::start(&good).await;
    gateway.write(&toml);
    gateway.signal_reload();
    gateway.wait_for_log("the refusal", |line| line.contains("reload refused")).await;
    assert_eq!(gateway.client().get("/users/1").await.status, 200);
}

#[tokio::test]
async fn a_log_that_is_taken_away_is_closed_and_one_with_another_buffer_is_opened() {
    let (go_on, may_go_on) = tokio::sync::watch::channel(false);
    let backend = Backend::start_async(move |received| {
        let mut may_go_on = may_go_on.clone();
        async move {
            if received.target.ends_with("slow") {
                may_go_on.wait_for(|go| *go).await.expect("it is told");
            }
            reply(200, "")
        }
    })
    .await;
    let with = |buffer: &str| {
        let log = "\n[access_log]\npath = \"access.log\"\nfields = [\"path\"]\n";
        config(&format!("{log}buffer = \"{buffer}\"\n"), backend.address())
    };
    let gateway = Gateway::start(&with("1MiB")).await;
    let reload = async |toml: &str| {
        let from = gateway.log().len();
        gateway.write(toml);
        gateway.signal_reload();
        gateway.log().wait_from(from, "the reload", |line| line.contains(" reloaded")).await;
    };
    let client = gateway.client();
    let path = gateway.path("access.log");
    let slow = client.get("/users/slow");
    let others = async {
        backend.wait_for(1).await;
        reload(&config("", backend.address())).await;
        assert_eq!(gateway.client().get("/users/unseen").await.status, 200);
        assert_eq!(open_times(&gateway), 1, "a line is still to come");
        go_on.send_replace(true);
    };
    assert_eq!(futures_util::future::join(slow, others).await.0.status, 200);
    wait_for_open_times(&gateway, 0).await;
    assert_eq!(fs::read_to_string(&path).expect("the log"), "{\"path\":\"/users/slow\"}\n");

    for buffer in ["2MiB", "3MiB"] {
        reload(&with(buffer)).await;
        assert_eq!(client.get(&format!("/users/{buffer}")).await.status, 200);
    }
    wait_for_open_times(&gateway, 1).await;
    let mut file = fs::File::open(&path).expect("the log");
    assert!(gateway.stop().await.success());
    let said = read(&mut file);
    let lines: Vec<_> = said.lines().collect();
    let line = |id: &str| format!("{{\"path\":\"/users/{id}\"}}");
    assert_eq!(lines, [line("slow"), line("2MiB"), line("3MiB")]);
}

/// How often the gateway has its access log open.
fn open_times(gateway: &Gateway) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", gateway.pid())).expect("fd");
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    targets.filter(|target| target.ends_with("access.log")).count()
}

async fn wait_for_open_times(gateway: &Gateway, wanted: usize) {
    let reached = async {
        while open_times(gateway) != wanted {
            tokio::task::yield_now().await;
        }
    };
    within(&format!("the log to be open {wanted} times"), reached).await;
}

fn read(file: &mut fs::File) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(file, &mut text).expect("UTF-8");
    text
}
