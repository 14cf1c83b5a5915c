//! Start, reload, stop.

use std::net::TcpListener;

use nix::sys::signal::Signal;
use tokio::sync::watch;
use torana_tests::{Backend, Gateway, Raw, Setup, Unused, reply, toml};

fn is_reloaded(line: &str) -> bool {
    line.contains("reloaded")
}

#[tokio::test]
async fn it_is_ready_and_alive() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(gateway.admin().get(path).await.status, 200);
    }
    assert_eq!(gateway.client().get("/healthz").await.text(), "ok", "a path like any other");
    assert_eq!(backend.received().len(), 1);
}

#[tokio::test]
async fn a_log_for_programs_is_one_object_a_line_and_no_name_is_there_twice() {
    let nobody = Unused::new();
    let health = "health = { path = \"/\", interval = \"100ms\", unhealthy_after = 1 }\n";
    let upstream = toml::upstream("service", nobody.address()) + health;
    let unused = toml::upstream("nobodys", nobody.address());
    let toml = [toml::LISTEN, &upstream, &unused, &toml::route("all", toml::ALL)].concat();
    let setup = Setup::new(&toml).argument("--log-format").argument("json");
    let mut gateway = setup.start().await;
    gateway.wait_for_log("the health check", |line| line.contains("unhealthy")).await;
    gateway.signal(Signal::SIGTERM);
    gateway.ended().await;
    gateway.log().wait_for_end().await;
    let lines = gateway.log().lines();
    for line in &lines {
        let object: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        for name in object.as_object().expect("an object").keys() {
            assert_eq!(line.matches(&format!("\"{name}\":")).count(), 1, "{name} in {line}");
        }
    }
    let with = |what: &str| {
        let line = lines.iter().find(|line| line.contains(what));
        let line = line.unwrap_or_else(|| panic!("no {what}: {lines:#?}"));
        serde_json::from_str::<serde_json::Value>(line).expect("an object")
    };
    assert_eq!(with("unhealthy")["target"], nobody.address().to_string());
    let warning = with("nobodys");
    assert_eq!(warning["level"], "WARN");
    assert!(warning["line"].as_u64() > Some(1) && warning["file"].is_string(), "{warning}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for listener in ["listen.public", "admin"] {
        let table = format!("[{listener}]\naddress = \"127.0.0.1:0\"");
        let toml = toml::proxy(taken.local_addr().unwrap());
        assert!(toml.contains(&table));
        let toml = toml.replace(&table, &table.replace("127.0.0.1:0", &address));
        let mut gateway = Setup::new(&toml).spawn();
        assert_eq!(gateway.ended().await.code(), Some(1));
        let said = gateway.log().quote();
        assert!(said.contains(&address) && said.contains("in use"), "{said}");
    }
}

#[tokio::test]
async fn a_wrong_file_is_not_served() {
    let mut gateway = Setup::new("[listen.public]\naddres = \"127.0.0.1:0\"\n").spawn();
    assert_eq!(gateway.ended().await.code(), Some(1));
    let said = gateway.log().quote();
    assert!(said.contains("gateway.toml:2:1: error: "), "{said}");
}

#[tokio::test]
async fn a_reload_takes_the_new_file_whole() {
    let (old, new) =
        (Backend::start(|_| reply(200, "old")).await, Backend::start(|_| reply(200, "new")).await);
    let gateway = Gateway::start(&toml::proxy(old.address())).await;
    let client = gateway.client();
    assert_eq!(client.get("/a").await.text(), "old");
    gateway.write(&toml::proxy(new.address()));
    assert_eq!(client.get("/a").await.text(), "old", "not before it is told");
    gateway.signal_reload();
    gateway.wait_for_log("the reload", is_reloaded).await;
    assert_eq!(client.get("/a").await.text(), "new");
    assert_eq!(client.connections(), 1, "the client does not notice");
}

#[tokio::test]
async fn a_reload_of_a_wrong_file_changes_nothing() {
    let backend = Backend::start(|_| reply(200, "old")).await;
    let good = toml::proxy(backend.address());
    let gateway = Gateway::start(&good).await;
    gateway.write(&good.replace("upstream = \"service\"", "upstream = \"nowhere\""));
    gateway.signal_reload();
    gateway.wait_for_log("the refusal", |line| line.contains("reload refused")).await;
    gateway.wait_for_log("the reason", |line| line.contains("nowhere")).await;
    assert_eq!(gateway.client().get("/a").await.text(), "old");
}

#[tokio::test]
async fn a_reload_that_needs_a_restart_says_so() {
    let backend = Backend::start(|_| reply(200, "old")).await;
    let good = toml::proxy(backend.address());
    let gateway = Gateway::start(&good).await;
    gateway.write(&good.replace("workers = 2", "workers = 3"));
    gateway.signal_reload();
    let reason = gateway.wait_for_log("the reason", |line| line.contains("gateway.workers")).await;
    let line = good.lines().position(|line| line.starts_with("workers = ")).expect("it") + 1;
    assert!(
        reason.contains(&format!("gateway.toml:{line}:11: error: gateway.workers")),
        "{reason}"
    );
    assert_eq!(gateway.client().get("/a").await.text(), "old");
}

#[tokio::test]
async fn reloads_lose_no_request() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let client = gateway.client();
    let count = watch::Sender::new(0);
    let requests = async {
        loop {
            assert_eq!(client.get("/a").await.status, 200);
            count.send_modify(|count| *count += 1);
        }
    };
    let reloads = async {
        let mut served = count.subscribe();
        for turn in 0..20 {
            let (from, before) = (gateway.log().len(), *served.borrow());
            let timeout = format!("timeout = \"{}s\"", 10 + turn);
            gateway.write(&toml::proxy_with(backend.address(), &timeout));
            gateway.signal_reload();
            gateway.log().wait_from(from, "the reload", is_reloaded).await;
            served.wait_for(|count| *count > before + 10).await.unwrap();
        }
    };
    tokio::select! {
        () = requests => {}
        () = torana_tests::within("reloads with requests in between", reloads) => {}
    }
    assert_eq!(client.connections(), 1, "none was closed");
}

#[tokio::test]
async fn a_stop_lets_running_requests_finish() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (go_on, may_go_on) = watch::channel(false);
        let backend = Backend::start_async(move |_| {
            let mut may_go_on = may_go_on.clone();
            async move {
                may_go_on.wait_for(|go| *go).await.unwrap();
                reply(200, "finished")
            }
        })
        .await;
        let mut gateway = Gateway::start(&toml::proxy(backend.address())).await;
        let address = gateway.address("public");
        let mut raw = Raw::connect(address).await;
        raw.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
        backend.wait_for(1).await;
        gateway.signal(signal);
        gateway.wait_for_log("that it stops", |line| line.contains("stopping")).await;
        let refused = async {
            // The listening sockets close in their own time, each worker's by itself.
            while tokio::net::TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        torana_tests::within("new connections to be refused", refused).await;
        go_on.send(true).unwrap();
        let answer = raw.read_to_close().await;
        assert!(answer.ends_with("\r\n\r\nfinished"), "{answer}");
        assert_eq!(gateway.ended().await.code(), Some(0));
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_idle_connections() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let client = gateway.client();
    client.get("/a").await;
    let silent = Raw::connect(gateway.address("public")).await;
    let started = std::time::Instant::now();
    assert_eq!(gateway.stop().await.code(), Some(0));
    assert!(started.elapsed().as_secs() < 10, "the drain time is 30 s");
    drop(silent);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let backend = Backend::start_async(|_| std::future::pending()).await;
    let toml = toml::proxy(backend.address()).replace("[gateway]", "[gateway]\ndrain = \"100ms\"");
    let gateway = Gateway::start(&toml).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    backend.wait_for(1).await;
    assert_eq!(gateway.stop().await.code(), Some(0));
    let answer = raw.read_to_close().await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn load_balancers_have_notice_before_the_door_is_closed() {
    let backend = Backend::start(|_| reply(200, "fine")).await;
    let toml = toml::proxy(backend.address());
    let toml = toml.replacen("[gateway]\n", "[gateway]\nnotice = \"1h\"\n", 1);
    let gateway = Gateway::start(&toml).await;
    assert_eq!(gateway.admin().get("/readyz").await.status, 200);
    gateway.signal(Signal::SIGTERM);
    gateway.wait_for_log("the notice", |line| line.contains("not ready any more")).await;
    let ready = gateway.admin().get("/readyz").await;
    assert_eq!((ready.status, ready.text()), (503, "stopping\n"));
    assert_eq!(gateway.admin().get("/healthz").await.status, 200, "it lives");
    // Who has not looked yet is served, over a new connection as well.
    assert_eq!(gateway.client().get("/a").await.status, 200);
}
