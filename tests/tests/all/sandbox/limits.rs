//! Budgets, on both of their sides.

use std::{
    cell::Cell,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use futures_util::future::join_all;
use tokio::sync::watch;
use torana_tests::{Backend, Gateway, Raw, RawBackend, Reply, raw, reply, request, toml, within};

use crate::guests::{
    failures, handled, metric, one_worker, plugin, plugin_with, route, wait_for_metric,
};

async fn service() -> Backend {
    Backend::start(|_| reply(200, "ok")).await
}

fn through(guest: &str, more: &str, backend: &Backend) -> String {
    let upstream = toml::upstream("service", backend.address());
    [toml::LISTEN, &upstream, &plugin("bad", guest, more), &route("[\"bad\"]")].concat()
}

async fn ask(gateway: &Gateway, mode: &str) -> Reply {
    gateway.client().send(request("GET", "/a").header("x-mode", mode), "").await
}

#[tokio::test]
async fn cpu_time() {
    let backend = service().await;
    // It takes 200 ms on the clock, of which a busy machine may give it little.
    for (limit, status, failed) in [("5ms", 500, 1.0), ("15s", 200, 0.0)] {
        let toml = through("misbehaving", &format!("limits.cpu = \"{limit}\""), &backend);
        let gateway = Gateway::start(&toml).await;
        assert_eq!(ask(&gateway, "slow").await.status, status, "{limit}");
        assert_eq!(failures(&gateway, "bad", "cpu").await, failed, "{limit}");
    }
}

/// Each of its pieces is shorter than what the clock of the budgets can see.
#[tokio::test]
async fn a_loop_that_waits_again_and_again_ends_at_its_budget_too() {
    let grants = "{ kv = true, rate-limit = true }";
    let bad = plugin_with("bad", "counter", grants, "limits.cpu = \"20ms\"\nlimits.wall = \"5m\"");
    let backend = service().await;
    let upstream = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, &upstream, &bad, &route("[\"bad\"]")].concat();
    let gateway = Gateway::start(&toml).await;
    gateway.client().get("/kv/lead-forever/k").await.problem(500);
    assert_eq!(failures(&gateway, "bad", "cpu").await, 1.0);
}

#[tokio::test]
async fn a_loop_ends_at_its_budget_and_those_beside_it_do_not_wait() {
    let bad = plugin("bad", "misbehaving", "limits.cpu = \"500ms\"\nlimits.wall = \"5m\"");
    let echo = plugin("echo", "echo", "config.head_only = true");
    let toml = [toml::LISTEN, &bad, &echo, &handled("[\"bad\", \"echo\"]")].concat();
    let gateway = Gateway::start(&toml).await;
    let (good, looping) = (Cell::new(0), Cell::new(0));
    // 1,000 requests, of which one in a hundred loops: 5 seconds of looping on two threads.
    let loops = (0..10).map(async |_| {
        ask(&gateway, "loop").await.problem(500);
        looping.set(looping.get() + 1);
        if looping.get() == 10 {
            assert_eq!(good.get(), 990, "the last loop ends when all others are long served");
        }
    });
    let others = (0..495).map(async |number| {
        let client = gateway.client();
        for turn in 0..2 {
            let answer = client.get(&format!("/{number}/{turn}")).await;
            assert_eq!(answer.json()["path"], format!("/{number}/{turn}"));
            good.set(good.get() + 1);
        }
    });
    futures_util::future::join(join_all(loops), join_all(others)).await;
    assert_eq!((good.get(), looping.get()), (990, 10));
    assert_eq!(failures(&gateway, "bad", "cpu").await, 10.0);
}

/// A worker looks at its sockets each time that a guest yields, a thousand times in each second of a loop. When it did
/// so every 61 times, a client that asks for one thing after the other was answered some thirty times in this one.
#[tokio::test]
async fn clients_beside_a_loop_are_heard() {
    let bad = plugin("bad", "misbehaving", "limits.cpu = \"2s\"\nlimits.wall = \"5m\"");
    let echo = plugin("echo", "echo", "config.head_only = true");
    let toml = [one_worker(), bad, echo, handled("[\"bad\", \"echo\"]")].concat();
    let gateway = Gateway::start(&toml).await;
    let client = gateway.client();
    let mut looping = pin!(ask(&gateway, "loop"));
    let mut answered = 0;
    let ended = loop {
        tokio::select! {
            ended = &mut looping => break ended,
            answer = client.get("/beside") => {
                assert_eq!(answer.status, 200);
                answered += 1;
            }
        }
    };
    ended.problem(500);
    assert!(answered > 100, "{answered} answers while a guest looped");
}

#[tokio::test]
async fn memory() {
    let backend = service().await;
    // It takes 8 MiB.
    for (limit, status, failed) in [("6MiB", 500, 1.0), ("16MiB", 200, 0.0)] {
        let toml = through("misbehaving", &format!("limits.memory = \"{limit}\""), &backend);
        let gateway = Gateway::start(&toml).await;
        assert_eq!(ask(&gateway, "grow").await.status, status, "{limit}");
        assert_eq!(failures(&gateway, "bad", "memory").await, failed, "{limit}");
        assert_eq!(ask(&gateway, "fine").await.status, 200, "{limit}");
    }
}

#[tokio::test]
async fn memory_bombs_do_not_add_up() {
    let backend = service().await;
    let gateway = Gateway::start(&through("misbehaving", "", &backend)).await;
    let resident = || {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", gateway.pid())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    for _ in 0..10 {
        ask(&gateway, "memory").await.problem(500);
    }
    let after_ten = resident();
    for _ in 0..40 {
        ask(&gateway, "memory").await.problem(500);
    }
    let grown = resident().saturating_sub(after_ten);
    assert!(grown < 256 << 20, "40 bombs of 64 MiB left {grown} bytes");
    assert_eq!(failures(&gateway, "bad", "memory").await, 50.0);
}

#[tokio::test]
async fn wall_clock_time() {
    // Accepts and never answers.
    let silent = RawBackend::start(|mut connection| async move {
        connection.rest().await;
    })
    .await;
    let call = "{ to = \"service\", timeout_ms = 1000 }";
    for (wall, calls, status, failed) in
        [("1500ms", format!("{call}, {call}"), 500, 1.0), ("15s", call.to_owned(), 200, 0.0)]
    {
        let fetcher = plugin(
            "slow",
            "fetcher",
            &format!("limits.wall = \"{wall}\"\nconfig.calls = [{calls}]"),
        );
        let upstream = toml::upstream("service", silent.address());
        let toml = [toml::LISTEN, &upstream, &fetcher, &handled("[\"slow\"]")].concat();
        let gateway = Gateway::start(&toml).await;
        let answer = gateway.client().get("/a").await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(failures(&gateway, "slow", "wall").await, failed);
        match status {
            200 => assert_eq!(answer.json()[0]["error"], "FetchError::Timeout"),
            _ => drop(answer.problem(500)),
        }
    }
}

#[tokio::test]
async fn waiting_costs_no_cpu_time() {
    let (go_on, may_go_on) = watch::channel(0);
    let backend = Backend::start_async(move |_| {
        let mut may_go_on = may_go_on.clone();
        async move {
            may_go_on.wait_for(|count| *count >= 30).await.unwrap();
            reply(200, "late")
        }
    })
    .await;
    let fetcher =
        plugin("slow", "fetcher", "limits.cpu = \"200ms\"\nconfig.calls = [{ to = \"service\" }]");
    let other = plugin("bad", "misbehaving", "");
    let more = "match = { path = \"/fine\" }\nchain = [\"bad\"]\nupstream = \"fast\"";
    let fast = service().await;
    let toml = [
        &one_worker(),
        &toml::upstream("service", backend.address()),
        &toml::upstream("fast", fast.address()),
        &fetcher,
        &other,
        &handled("[\"slow\"]"),
        &toml::route("fine", more),
    ];
    let toml: String = toml.map(String::as_str).concat();
    let gateway = Gateway::start(&toml).await;
    let client = gateway.client();
    let busy = async {
        backend.wait_for(1).await;
        // Slow ones on the same thread, of 200 ms each, while the other one waits.
        for _ in 0..3 {
            let slow = request("GET", "/fine").header("x-mode", "slow");
            assert_eq!(gateway.client().send(slow, "").await.status, 200);
        }
        go_on.send_replace(30);
    };
    let (answer, ()) = futures_util::future::join(client.get("/a"), busy).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()[0]["body"], "late");
}

#[tokio::test]
async fn the_stack() {
    let backend = service().await;
    let gateway = Gateway::start(&through("misbehaving", "", &backend)).await;
    for mode in ["recursion", "response=recursion"] {
        for _ in 0..3 {
            ask(&gateway, mode).await.problem(500);
        }
    }
    assert_eq!(failures(&gateway, "bad", "trap").await, 6.0);
    assert_eq!(ask(&gateway, "fine").await.text(), "ok");
}

#[tokio::test]
async fn replies() {
    let backend = service().await;
    // It replies with 32 MiB.
    for (limit, status) in [("31MiB", 500), ("32MiB", 200)] {
        let limits = format!("limits.body = \"{limit}\"\nlimits.memory = \"256MiB\"");
        let gateway = Gateway::start(&through("misbehaving", &limits, &backend)).await;
        for mode in ["huge-reply", "response=huge-reply"] {
            let answer = ask(&gateway, mode).await;
            assert_eq!(answer.status, status, "{limit} {mode}");
            if status == 200 {
                assert_eq!(answer.body.len(), 32 << 20);
            } else {
                answer.problem(500);
            }
        }
    }
    let gateway = Gateway::start(&through("misbehaving", "", &backend)).await;
    ask(&gateway, "huge-reply").await.problem(500);
    let all = metric(&gateway, "torana_plugin_failures_total", &["plugin=\"bad\""]).await;
    assert_eq!(all, 1.0, "the default is 10 MiB");
}

#[tokio::test]
async fn header_floods() {
    // Neither side is a library, for those have limits of their own.
    let (heads, head) = watch::channel(String::new());
    let heads = Arc::new(heads);
    let backend = RawBackend::start(move |mut connection| {
        let heads = heads.clone();
        async move {
            heads.send_replace(connection.head().await);
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let upstream = toml::upstream("service", backend.address());
    let bad = plugin("bad", "misbehaving", "");
    let toml = [toml::LISTEN, &upstream, &bad, &route("[\"bad\"]")].concat();
    let gateway = Gateway::start(&toml).await;
    let ask = async |mode: &str| {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nx-mode: {mode}\r\n");
        raw(gateway.address("public"), head + "Connection: close\r\n\r\n").await
    };
    let flood = |head: &str| head.lines().filter(|line| line.starts_with("x-flood-")).count();
    let answer = ask("header-flood").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let arrived = flood(&head.borrow());
    assert!((100..=200).contains(&arrived), "{arrived}");
    assert_eq!(flood(&answer), 0);

    let answer = ask("response=header-flood").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\nok"), "{answer}");
    let arrived = flood(&answer);
    assert!((100..=200).contains(&arrived), "{arrived}");
    assert_eq!(flood(&head.borrow()), 0);
}

#[tokio::test]
async fn log_floods() {
    let backend = service().await;
    let toml = through("misbehaving", "limits.cpu = \"20s\"", &backend);
    let gateway = Gateway::start(&toml).await;
    for calls in 1..3 {
        assert_eq!(ask(&gateway, "log-flood").await.text(), "ok");
        let is_last = |line: &str| line.contains("is left out");
        gateway.log().wait_for(calls, "the last line of a call", is_last).await;
        let lines = gateway.log().lines();
        let flood = lines.iter().filter(|line| line.contains("xxxxxxxx")).count();
        assert_eq!(flood, 65 * calls, "64 KiB of each call");
    }
}

#[tokio::test]
async fn metric_floods() {
    let backend = service().await;
    let gateway = Gateway::start(&through("misbehaving", "", &backend)).await;
    assert_eq!(ask(&gateway, "metric-flood").await.text(), "ok");
    let mine = ["plugin=\"bad\""];
    let custom = metric(&gateway, "torana_plugin_custom_total", &mine).await;
    let dropped = metric(&gateway, "torana_plugin_custom_dropped_total", &mine).await;
    assert!(custom <= 32.0 && custom + dropped == 1000.0, "{custom} and {dropped}");
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_hook_call_with_it() {
    let backend = service().await;
    // Far longer than this test: it can only end by being dropped.
    let limits = "limits.cpu = \"10m\"\nlimits.wall = \"10m\"";
    let gateway = Gateway::start(&through("misbehaving", limits, &backend)).await;
    for mode in ["loop", "call-loop", "response=loop"] {
        let mut raw = Raw::connect(gateway.address("public")).await;
        raw.write(format!("GET / HTTP/1.1\r\nHost: a\r\nx-mode: {mode}\r\n\r\n")).await;
        wait_for_metric(&gateway, "torana_requests_in_flight", &[], 1.0).await;
        drop(raw);
        wait_for_metric(&gateway, "torana_requests_in_flight", &[], 0.0).await;
        assert_eq!(ask(&gateway, "fine").await.text(), "ok", "after {mode}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_fetches_with_it() {
    let (closed, sees_closed) = watch::channel(0);
    let (opened, sees_opened) = watch::channel(0);
    let (closed, opened) = (Arc::new(closed), Arc::new(opened));
    let silent = RawBackend::start(move |mut connection| {
        let (closed, opened) = (closed.clone(), opened.clone());
        async move {
            connection.head().await;
            opened.send_modify(|count| *count += 1);
            connection.rest().await;
            closed.send_modify(|count| *count += 1);
        }
    })
    .await;
    let calls =
        "config = { how = \"send-all\", calls = [{ to = \"service\" }, { to = \"service\" }] }";
    let toml = [
        toml::LISTEN,
        &toml::upstream("service", silent.address()),
        &plugin("slow", "fetcher", &format!("limits.wall = \"10m\"\n{calls}")),
        &handled("[\"slow\"]"),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let both = async |mut seen: watch::Receiver<i32>, what: &str| {
        within(what, seen.wait_for(|count| *count == 2)).await.map(drop).expect("it runs");
    };
    both(sees_opened, "both fetches").await;
    drop(raw);
    both(sees_closed, "both fetches to be given up").await;
    wait_for_metric(&gateway, "torana_requests_in_flight", &[], 0.0).await;
}

#[tokio::test]
async fn fetches_in_one_call() {
    let backend = service().await;
    for how in ["send", "send-all", "start"] {
        let calls = ["{ to = \"service\" }"; 4].join(", ");
        let config = format!("config = {{ how = \"{how}\", calls = [{calls}] }}");
        for (limit, good) in [(3, 3), (4, 4)] {
            let fetcher = plugin("f", "fetcher", &format!("limits.fetches = {limit}\n{config}"));
            let upstream = toml::upstream("service", backend.address());
            let toml = [toml::LISTEN, &upstream, &fetcher, &handled("[\"f\"]")].concat();
            let gateway = Gateway::start(&toml).await;
            let before = backend.received().len();
            // Twice: the count is for one hook call.
            for turn in 1..=2 {
                let came = gateway.client().get("/a").await.json();
                let came = came.as_array().expect("a list");
                assert_eq!(came.iter().filter(|one| one["status"] == 200).count(), good, "{how}");
                let denied = |one: &&serde_json::Value| {
                    one["error"].as_str().is_some_and(|error| error.contains("limits.fetches"))
                };
                assert_eq!(came.iter().filter(denied).count(), 4 - good, "{how}: {came:#?}");
                assert_eq!(backend.received().len() - before, turn * good, "{how}");
            }
        }
    }
}

#[tokio::test]
async fn fetched_bodies() {
    let backend = Backend::start(|_| reply(200, vec![b'x'; 2048])).await;
    for (limit, good) in [("2047B", false), ("2048B", true)] {
        let more = format!("limits.body = \"{limit}\"\nconfig.calls = [{{ to = \"service\" }}]");
        let upstream = toml::upstream("service", backend.address());
        let fetcher = plugin("f", "fetcher", &more);
        let toml = [toml::LISTEN, &upstream, &fetcher, &handled("[\"f\"]")].concat();
        let gateway = Gateway::start(&toml).await;
        let answer = gateway.client().get("/a").await;
        if good {
            // It has read it; its own reply, which quotes it, is then longer than its cap.
            answer.problem(500);
            assert_eq!(failures(&gateway, "f", "contract").await, 1.0);
        } else {
            assert_eq!(answer.json()[0]["error"], "FetchError::TooLarge");
        }
    }
}

#[tokio::test]
async fn a_plugin_that_calls_its_own_gateway_meets_the_end_of_the_circle() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let backend = Backend::start(move |_| {
        counted.fetch_add(1, SeqCst);
        reply(200, "ok")
    })
    .await;
    let blind = "\n[plugins.blind]\ncomponent = \"headers\"\nconfig.request.remove = [\"via\"]\n\
                 grants = { request-edit = true, response-edit = true }\n";
    let config = |target, chain| {
        [
            toml::LISTEN,
            &toml::upstream("service", target),
            &plugin("f", "fetcher", "config.calls = [{ to = \"service\", text = true }]"),
            blind,
            &handled(chain),
        ]
        .concat()
    };
    let gateway = Gateway::start(&config(backend.address(), "[\"f\"]")).await;
    assert_eq!(gateway.client().get("/a").await.json()[0]["body"], "ok");
    // Its address is known only now. Nobody gets past the end by taking off what says so.
    for (reload, chain) in (1..).zip(["[\"f\"]", "[\"blind\", \"f\"]"]) {
        gateway.write(&config(gateway.address("public"), chain));
        gateway.signal_reload();
        gateway.log().wait_for(reload, "the reload", |line| line.contains("reloaded")).await;
        let mut answer = gateway.client().get("/a").await.json();
        let mut depth = 1;
        while answer[0]["status"] == 200 {
            let body = answer[0]["body"].as_str().expect("a text");
            answer = serde_json::from_str(body).expect("JSON");
            depth += 1;
        }
        assert_eq!(answer[0]["status"], 508, "at depth {depth}: {answer:#}");
        assert!(depth <= 8, "{depth}");
    }
    assert_eq!(requests.load(SeqCst), 1);
    wait_for_metric(&gateway, "torana_requests_in_flight", &[], 0.0).await;
}

#[tokio::test]
async fn a_limit_of_a_chain_entry_holds_there_alone() {
    let backend = service().await;
    let narrow = toml::route(
        "narrow",
        "match = { path = \"/narrow\" }\nupstream = \"service\"\n\
         chain = [{ plugin = \"bad\", limits = { memory = \"6MiB\" } }]",
    );
    let gateway = Gateway::start(&(through("misbehaving", "", &backend) + &narrow)).await;
    for (path, status) in [("/narrow", 500), ("/wide", 200), ("/narrow", 500)] {
        let grow = request("GET", path).header("x-mode", "grow");
        assert_eq!(gateway.client().send(grow, "").await.status, status, "{path}");
    }
    let narrow = ["plugin=\"bad\"", "route=\"narrow\"", "cause=\"memory\""];
    assert_eq!(metric(&gateway, "torana_plugin_failures_total", &narrow).await, 2.0);
    assert_eq!(failures(&gateway, "bad", "memory").await, 2.0);
}

#[tokio::test]
async fn a_plugin_without_grants_sees_no_credentials_and_touches_no_framing() {
    let backend = service().await;
    let gateway = Gateway::start(&through("misbehaving", "", &backend)).await;
    let hidden = request("GET", "/a").header("authorization", "Bearer s3cret");
    let answer = gateway.client().send(hidden.header("x-mode", "hidden"), "").await;
    assert!(answer.text().contains("name: \"hidden\""), "{}", answer.text());
    for mode in ["reserved", "response=reserved"] {
        let outcomes = ask(&gateway, mode).await.json();
        for (name, tried) in outcomes.as_object().expect("an object") {
            let expected = match name.as_str() {
                "authorization" | "cookie" | "proxy-authorization" | "set-cookie" => {
                    "EditError::Hidden"
                }
                _ => "EditError::Reserved",
            };
            let all = tried.as_array().expect("a list");
            assert!(all.len() == 4 && all.iter().all(|one| *one == expected), "{name}: {tried}");
        }
    }
    let granted = plugin_with(
        "bad",
        "misbehaving",
        "{ request-edit = true, response-edit = true, \
           headers = { read = [\"authorization\"], write = [\"cookie\"] } }",
        "",
    );
    let upstream = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, &upstream, &granted, &route("[\"bad\"]")].concat();
    let gateway = Gateway::start(&toml).await;
    let hidden = request("GET", "/a").header("authorization", "Bearer s3cret");
    let answer = gateway.client().send(hidden.header("x-mode", "hidden"), "").await;
    assert_eq!(answer.text(), "Bearer s3cret");
    let outcomes = ask(&gateway, "reserved").await.json();
    assert_eq!(outcomes["cookie"], serde_json::json!(["done", "done", "done", "done"]));
    assert_eq!(outcomes["authorization"][0], "EditError::Hidden", "reading is not writing");
    assert_eq!(outcomes["content-length"][0], "EditError::Reserved");
}
