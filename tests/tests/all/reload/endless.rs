//! Reloads without end: nobody notices, and nothing grows.

use std::{cell::Cell, fs, path::Path};

use tokio::sync::watch::Sender;
use torana_tests::{Backend, Gateway, PATIENCE, Setup, paths, reply, toml};

use super::{refused, reloaded, saying};
use crate::guests::{PATIENT, metric, plugin, route};

/// Reloads in all; the first ones warm up.
const RELOADS: u64 = 2000;
const WARM: u64 = 400;

#[tokio::test]
async fn two_thousand_reloads_under_load_fail_no_request_and_leave_nothing_behind() {
    let backend = Backend::start(|received| reply(200, received.body.clone())).await;
    let other = saying("from elsewhere").await;
    let setup = Setup::new(&turn(&backend, &other, 0));
    let gateway = setup.file("p.wasm", component(0)).start().await;
    let (count, stop) = (Sender::new(0_u64), Cell::new(false));
    let clients: Vec<_> = (0..2).map(|_| gateway.client()).collect();
    let requests = clients.iter().map(async |client| {
        while !stop.get() {
            let answer = client.post("/a", "hello").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(["hello", "HELLO"].contains(&answer.text()), "{answer:?}");
            assert!(answer.header("x-turn").is_some(), "{answer:?}");
            count.send_modify(|count| *count += 1);
        }
    });
    let reloads = async {
        let mut before = None;
        for number in 1..=RELOADS {
            fs::write(gateway.path("next"), component(number)).expect("writing the component");
            fs::rename(gateway.path("next"), gateway.path("p.wasm")).expect("renaming it");
            if number.is_multiple_of(20) {
                // Refused when one plugin is made ready already: that has to go as well.
                let changed = format!("x-turn = \"{number}, or ");
                let wrong = turn(&backend, &other, number).replace("x-turn = \"", &changed);
                let wrong = wrong.replace("rate-limit = true", "rate-limit = false");
                refused(&gateway, &wrong, &["rate-limit"]).await;
            }
            reloaded(&gateway, &turn(&backend, &other, number)).await;
            if number == WARM {
                before = Some(Usage::of(&gateway));
            }
        }
        let last = clients[0].post("/a", "hello").await;
        assert_eq!(last.header("x-turn"), Some(&*(RELOADS % 7).to_string()));
        stop.set(true);
        before.expect("it was warm")
    };
    let load = futures_util::future::join_all(requests);
    let (_, before) = futures_util::future::join(load, reloads).await;
    assert!(*count.borrow() >= RELOADS, "a request for each reload, or it was no load");
    let counted = metric(&gateway, "torana_config_reloads_total", &["result=\"ok\""]).await;
    assert_eq!(counted, RELOADS as f64);
    let after = settled(&gateway, before).await;
    let grown = after.resident.saturating_sub(before.resident);
    assert!(grown < 32 << 20, "{} reloads left {grown} bytes", RELOADS - WARM);
    let opened: usize = clients.iter().map(|client| client.connections()).sum();
    assert!(opened <= clients.len() + 1, "connections of clients go on: {opened}");
}

/// What differs from turn to turn: settings of one plugin, the component of another, whether there
/// is an access log, what is known of an upstream, and a route.
fn turn(backend: &Backend, other: &Backend, number: u64) -> String {
    let headers = format!(
        "\n[plugins.headers]\ncomponent = \"headers\"\n{PATIENT}\n\
         config.response.set = {{ x-turn = \"{}\" }}\n\
         grants = {{ request-edit = true, response-edit = true }}\n",
        number % 7
    );
    let swapped = format!(
        "\n[plugins.swapped]\ncomponent = {{ path = \"p.wasm\" }}\n{PATIENT}\n\
         grants = {{ request-body = \"read-write\", response-body = \"read-write\" }}\n"
    );
    let log = format!("\n[access_log]\npath = \"access.log\"\nbuffer = \"{}MiB\"\n", number % 3);
    [
        toml::LISTEN,
        &toml::upstream("service", backend.address()),
        &format!("timeouts = {{ connect = \"{}s\" }}\n", 40 + number % 5),
        &toml::upstream("other", other.address()),
        &headers,
        &swapped,
        &plugin("kept", "counter", ""),
        &route("[\"headers\", \"kept\", \"swapped\"]"),
        &format!("timeout = \"{}s\"\nalternatives = [\"other\"]\n", 30 + number % 11),
        if number.is_multiple_of(3) { "" } else { &log },
    ]
    .concat()
}

fn component(number: u64) -> Vec<u8> {
    let name = if number % 10 < 5 { "body-upper" } else { "observer" };
    fs::read(paths::guest(name)).expect("a guest")
}

/// The most connections that two clients make through two workers: their own, and to the service.
const CONNECTIONS: usize = 8;

/// What a process has.
#[derive(Debug, Clone, Copy)]
struct Usage {
    threads: usize,
    /// Without sockets.
    files: usize,
    sockets: usize,
    resident: usize,
}

impl Usage {
    fn of(gateway: &Gateway) -> Self {
        let process = Path::new("/proc").join(gateway.pid().to_string());
        let threads = fs::read_dir(process.join("task")).expect("its threads").count();
        let open = fs::read_dir(process.join("fd")).expect("its files");
        let open = open.filter_map(|file| fs::read_link(file.expect("a file").path()).ok());
        let (sockets, files): (Vec<_>, Vec<_>) =
            open.partition(|file| file.to_string_lossy().starts_with("socket:"));
        let statm = fs::read_to_string(process.join("statm")).expect("statm");
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
        Self {
            threads,
            files: files.len(),
            sockets: sockets.len(),
            resident: pages.expect("a number of pages") * 4096,
        }
    }
}

/// What there is once the last writers and connections have ended: no more threads, and no more files, than
/// there were before. Sixteen hundred reloads that leave anything leave more than what turns differ by.
async fn settled(gateway: &Gateway, before: Usage) -> Usage {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let now = Usage::of(gateway);
        // Turns differ by the thread and the file of the access log. Connections to services come and go: a
        // turn that has just begun has none yet, later each of the clients may have one by each of the workers.
        let is_settled = now.threads <= before.threads + 1
            && now.files <= before.files + 4
            && now.sockets <= before.sockets + CONNECTIONS;
        if is_settled {
            return now;
        }
        assert!(tokio::time::Instant::now() < deadline, "before {before:?}, after {now:?}");
        tokio::task::yield_now().await;
    }
}
