//! A reload: another configuration takes the place of the old one at once, or not at all.

mod endless;
mod series;
mod watch;

use std::{cell::Cell, fs};

use tokio::sync::watch::{Sender, channel};
use torana_tests::{Backend, Gateway, Setup, paths, reply, request, toml, within};

use crate::guests::{PATIENT, metric, one_worker, plugin, route};

async fn saying(text: &'static str) -> Backend {
    Backend::start(move |_| reply(200, text)).await
}

/// Writes the file and reloads it. Gives what the log says of it.
async fn reload(gateway: &Gateway, toml: &str) -> String {
    let from = gateway.log().len();
    gateway.write(toml);
    gateway.signal_reload();
    let told = |line: &str| line.contains(" reloaded") || line.contains("reload refused");
    gateway.log().wait_from(from, "the reload's end", told).await
}

async fn reloaded(gateway: &Gateway, toml: &str) {
    let told = reload(gateway, toml).await;
    assert!(told.contains(" reloaded"), "{told}");
}

/// Reloads a file that must be refused. Gives all that was said.
async fn refused(gateway: &Gateway, toml: &str, parts: &[&str]) {
    let from = gateway.log().len();
    let told = reload(gateway, toml).await;
    assert!(told.contains("ERROR") && told.contains("reload refused"), "{told}");
    for part in parts {
        gateway.log().wait_from(from, part, |line| line.contains(part)).await;
    }
}

/// What only the routes can tell of a plugin's settings is told before it is applied.
#[tokio::test]
async fn a_name_that_leads_nowhere_refuses_the_file() {
    let backend = saying("fine").await;
    let limited = |key: &str| {
        let config = format!("config = {{ limit = \"9/1m\", key = \"{key}\" }}");
        let grants = "grants = { rate-limit = true, response-edit = true }";
        let entry =
            format!("\n[plugins.q]\ncomponent = \"quota\"\n{grants}\n{PATIENT}\n{config}\n");
        [toml::proxy_with(backend.address(), "chain = [\"q\"]"), entry].concat()
    };
    let gateway = Gateway::start(&limited("params.path")).await;
    let told = "the path of route `all` has no `{paht}`";
    refused(&gateway, &limited("params.paht"), &[told]).await;
    refused(&gateway, &limited("request.header.cookie"), &["header `cookie` is not granted"]).await;
    assert_eq!(gateway.client().get("/a").await.text(), "fine");
}

#[tokio::test]
async fn routes_chains_and_upstreams_change_together() {
    let (old, new) = (saying("old").await, saying("new").await);
    let config = |version: &str, backend: &Backend| {
        let set = format!("config.response.set = {{ x-version = \"{version}\" }}");
        let headers = format!(
            "\n[plugins.headers]\ncomponent = \"headers\"\n{PATIENT}\n{set}\n\
             grants = {{ request-edit = true, response-edit = true }}\n"
        );
        let more = format!(
            "match = {{ path = \"/{version}\" }}\nchain = [\"headers\"]\nupstream = \"service\""
        );
        let upstream = toml::upstream("service", backend.address());
        [toml::LISTEN, &upstream, &headers, &toml::route(version, &more)].concat()
    };
    let gateway = Gateway::start(&config("old", &old)).await;
    let client = gateway.client();
    let (stop, stopped) = (Cell::new(false), Cell::new(0));
    // Every reply is of one configuration, whichever that is.
    let requests = async {
        while !stop.get() {
            for version in ["old", "new"] {
                let answer = client.get(&format!("/{version}")).await;
                match answer.status {
                    200 => {
                        assert_eq!(answer.text(), version);
                        assert_eq!(answer.header("x-version"), Some(version));
                    }
                    _ => assert_eq!(answer.problem(404)["type"], "urn:torana:problem:no-route"),
                }
            }
            stopped.set(stopped.get() + 1);
        }
    };
    let reloads = async {
        for turn in 0..10 {
            match turn % 2 {
                0 => reloaded(&gateway, &config("new", &new)).await,
                _ => reloaded(&gateway, &config("old", &old)).await,
            }
            let served = async {
                let before = stopped.get();
                while stopped.get() < before + 3 {
                    tokio::task::yield_now().await;
                }
            };
            within("requests between two reloads", served).await;
        }
        stop.set(true);
    };
    futures_util::future::join(requests, reloads).await;
    assert_eq!(client.get("/old").await.text(), "old");
    client.get("/new").await.problem(404);
    let counted = metric(&gateway, "torana_config_reloads_total", &["result=\"ok\""]).await;
    assert_eq!(counted, 10.0);
}

#[tokio::test]
async fn the_file_of_a_component_may_be_replaced() {
    let backend = saying("of the service").await;
    let entry = format!(
        "\n[plugins.p]\ncomponent = {{ path = \"p.wasm\" }}\n{PATIENT}\n\
         grants = {{ request-body = \"read-write\", response-body = \"read-write\" }}\n"
    );
    let upstream = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, &upstream, &entry, &route("[\"p\"]")].concat();
    let wasm = |name: &str| fs::read(paths::guest(name)).expect("a guest");
    let gateway = Setup::new(&toml).file("p.wasm", wasm("observer")).start().await;
    let client = gateway.client();
    assert_eq!(client.get("/a").await.text(), "of the service");
    // Beside and then renamed, as one should.
    let replace = |name: &str| {
        fs::write(gateway.path("next"), wasm(name)).expect("writing the file");
        fs::rename(gateway.path("next"), gateway.path("p.wasm")).expect("renaming it");
    };
    replace("body-upper");
    assert_eq!(client.get("/a").await.text(), "of the service", "not before it is told");
    reloaded(&gateway, &toml).await;
    assert_eq!(client.get("/a").await.text(), "OF THE SERVICE");
    // One that would be refused leaves the one that runs.
    for bad in [&b""[..], b"no component", &wasm("wrong-version")] {
        fs::write(gateway.path("p.wasm"), bad).expect("writing the file");
        refused(&gateway, &toml, &["error: "]).await;
        assert_eq!(client.get("/a").await.text(), "OF THE SERVICE");
    }
    replace("observer");
    reloaded(&gateway, &toml).await;
    assert_eq!(client.get("/a").await.text(), "of the service");
    assert_eq!(client.connections(), 1);
}

#[tokio::test]
async fn settings_grants_and_limits_of_a_plugin_may_change() {
    let backend = saying("ok").await;
    let config = |more: &str| {
        let upstream = toml::upstream("service", backend.address());
        let bad = plugin("bad", "misbehaving", more);
        [toml::LISTEN, &upstream, &bad, &route("[\"bad\"]")].concat()
    };
    let gateway = Gateway::start(&config("")).await;
    let ask = async |mode: &str| {
        gateway.client().send(request("GET", "/a").header("x-mode", mode), "").await.status
    };
    assert_eq!((ask("fine").await, ask("grow").await), (200, 200));
    reloaded(&gateway, &config("config.request = \"fail\"")).await;
    assert_eq!(gateway.client().get("/a").await.status, 500);
    reloaded(&gateway, &config("limits.memory = \"6MiB\"")).await;
    assert_eq!((ask("fine").await, ask("grow").await), (200, 500));
    reloaded(&gateway, &config("on_error = 503")).await;
    assert_eq!((ask("grow").await, ask("panic").await), (200, 503));
    refused(&gateway, &config("").replace("request-edit = true, ", ""), &["request-edit"]).await;
    assert_eq!((ask("grow").await, ask("panic").await), (200, 503));
}

#[tokio::test]
async fn a_wrong_file_is_refused_with_its_diagnostics_and_the_old_one_serves_on() {
    let backend = saying("old").await;
    let good = [
        toml::LISTEN,
        &toml::upstream("service", backend.address()),
        &plugin("bad", "misbehaving", ""),
        &route("[\"bad\"]"),
    ]
    .concat();
    let gateway = Gateway::start(&good).await;
    let client = gateway.client();
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    for (toml, parts) in [
        ("= not toml".to_owned(), &["gateway.toml:1:"][..]),
        (changed("upstream = ", "upstraem = "), &["upstraem", "upstream"]),
        (changed("[\"bad\"]", "[\"bda\"]"), &["bda", "did you mean `bad`?"]),
        (changed("misbehaving.wasm", "missing.wasm"), &["missing.wasm", "misbehaving"]),
        (changed("request-edit = true, ", ""), &["add `request-edit = true`"]),
        (changed("15s", "15 seconds"), &["15 seconds"]),
        (good.clone() + "config.configure = \"panic\"", &["config"]),
    ] {
        refused(&gateway, &toml, parts).await;
        refused(&gateway, &toml, &["gateway.toml:", "error: "]).await;
        assert_eq!(client.get("/a").await.text(), "old");
    }
    let from = gateway.log().len();
    fs::remove_file(gateway.path("gateway.toml")).expect("removing the file");
    gateway.signal_reload();
    let missing = |line: &str| line.contains("gateway.toml") && line.contains("No such file");
    gateway.log().wait_from(from, "a missing file", missing).await;
    assert_eq!(client.get("/a").await.text(), "old");
    let counted = metric(&gateway, "torana_config_reloads_total", &["result=\"refused\""]).await;
    assert_eq!(counted, 15.0);
    reloaded(&gateway, &good).await;
}

#[tokio::test]
async fn under_load_no_request_fails() {
    let backend = Backend::start(|received| reply(200, received.body.clone())).await;
    let gateway = Gateway::start(&loaded(&backend, 0)).await;
    let count = Sender::new(0);
    let stop = Cell::new(false);
    let clients: Vec<_> = (0..4).map(|_| gateway.client()).collect();
    let requests = clients.iter().map(async |client| {
        while !stop.get() {
            let answer = client.post("/a", "hello").await;
            assert_eq!((answer.status, answer.text()), (200, "HELLO"));
            assert!(answer.header("x-turn").is_some(), "{answer:?}");
            count.send_modify(|count| *count += 1);
        }
    });
    let reloads = async {
        let mut served = count.subscribe();
        for turn in 1..=20 {
            let before = *served.borrow();
            reloaded(&gateway, &loaded(&backend, turn)).await;
            let enough = served.wait_for(|count| *count >= before + 20);
            within("requests between two reloads", enough).await.expect("it runs");
            let last = clients[0].post("/a", "hello").await;
            assert_eq!(last.header("x-turn"), Some(&*turn.to_string()));
        }
        stop.set(true);
    };
    futures_util::future::join(futures_util::future::join_all(requests), reloads).await;
    assert!(*count.borrow() >= 400);
    let opened: usize = clients.iter().map(|client| client.connections()).sum();
    assert!(opened <= 5, "one each, and one for those in between: {opened}");
}

/// Two plugins; the settings of one and a route's timeout differ from turn to turn.
fn loaded(backend: &Backend, turn: u64) -> String {
    let headers = format!(
        "\n[plugins.headers]\ncomponent = \"headers\"\n{PATIENT}\n\
         config.response.set = {{ x-turn = \"{turn}\" }}\n\
         grants = {{ request-edit = true, response-edit = true }}\n"
    );
    [
        toml::LISTEN,
        &toml::upstream("service", backend.address()),
        &headers,
        &plugin("upper", "body-upper", ""),
        &route("[\"headers\", \"upper\"]"),
        &format!("timeout = \"{}s\"\n", 30 + turn),
    ]
    .concat()
}

#[tokio::test]
async fn a_running_exchange_ends_on_the_configuration_that_it_began_with() {
    let (go_on, may_go_on) = channel(false);
    let slow = Backend::start_async(move |_| {
        let mut may_go_on = may_go_on.clone();
        async move {
            may_go_on.wait_for(|go| *go).await.unwrap();
            reply(200, "slow")
        }
    })
    .await;
    let fast = saying("fast").await;
    let gateway = Gateway::start(&loaded(&slow, 1)).await;
    let (first, second) = (gateway.client(), gateway.client());
    let change = async {
        slow.wait_for(1).await;
        reloaded(&gateway, &loaded(&fast, 2)).await;
        let answer = second.post("/a", "x").await;
        assert_eq!((answer.text(), answer.header("x-turn")), ("FAST", Some("2")));
        go_on.send_replace(true);
    };
    let (answer, ()) = futures_util::future::join(first.post("/a", "x"), change).await;
    assert_eq!((answer.text(), answer.header("x-turn")), ("SLOW", Some("1")));
}

#[tokio::test]
async fn what_plugins_keep_survives() {
    let backend = saying("ok").await;
    let config = |more: &str| {
        let upstream = toml::upstream("service", backend.address());
        let counter = plugin("counter", "counter", more);
        [&one_worker(), &upstream, &counter, &route("[\"counter\"]")].map(String::as_str).concat()
    };
    let gateway = Gateway::start(&config("")).await;
    let client = gateway.client();
    assert_eq!(client.get("/kv/increment/n/5").await.json(), 5);
    assert_eq!(client.get("/kv/set/k/value").await.json(), true);
    let take = "/rate/alice?limit=2&algorithm=fixed-window&window=600000";
    assert_eq!(client.get(take).await.json()[0]["remaining"], 1);
    let instance = client.get("/id").await.json()["instance"].clone();

    // Nothing of the plugin changed: the instance stays as well.
    reloaded(&gateway, &(config("") + "timeout = \"9s\"\n")).await;
    assert_eq!(client.get("/id").await.json()["instance"], instance);
    assert_eq!(client.get("/kv/increment/n/1").await.json(), 6);

    // It changed: there is another instance, and what it keeps is there.
    reloaded(&gateway, &config("limits.memory = \"32MiB\"")).await;
    assert_ne!(client.get("/id").await.json()["instance"], instance);
    assert_eq!(client.get("/kv/increment/n/1").await.json(), 7);
    assert_eq!(client.get("/kv/get/k").await.json(), "value");
    assert_eq!(client.get(take).await.json()[0]["remaining"], 0);
    assert_eq!(client.get(take).await.json()[0]["allowed"], false);
}

#[tokio::test]
async fn what_needs_a_restart_is_refused_with_that_text() {
    let backend = saying("old").await;
    let good = toml::proxy(backend.address());
    let gateway = Gateway::start(&good).await;
    let listener = "[listen.public]\naddress = \"127.0.0.1:0\"";
    let admin = "[admin]\naddress = \"127.0.0.1:0\"";
    let other = |table: &str| table.replace("127.0.0.1:0", "127.0.0.2:0");
    for (toml, parts) in [
        (good.replace(listener, &other(listener)), &["the address of listener `public`"][..]),
        (good.replace(admin, &other(admin)), &["admin.address"]),
        (good.replace("workers = 2", "workers = 1"), &["gateway.workers"]),
        (good.clone() + "[listen.second]\naddress = \"127.0.0.1:0\"\n", &["listener `second`"]),
    ] {
        assert_ne!(toml, good);
        refused(&gateway, &toml, parts).await;
        let parts = ["cannot change while torana runs", "restart torana to use it"];
        refused(&gateway, &toml, &parts).await;
        assert_eq!(gateway.client().get("/a").await.text(), "old");
    }
    reloaded(&gateway, &good).await;
}
