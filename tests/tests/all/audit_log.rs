//! The audit log: what it says, that it goes on after a restart, and that a change is found.

use std::{fs, path::Path, process::Command};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use torana_tests::{
    Gateway, Setup,
    command::{Ended, torana},
    paths, request, within,
};

use crate::guests::metric;

/// A plugin that does what it is told by `x-mode`, one that sets what it may not, and one that calls
/// whom it may not.
fn configuration(folder: &Path) -> String {
    let guest = |name| paths::guest(name).display().to_string();
    let log = folder.join("audit.log");
    format!(
        r#"
[listen.public]
address = "127.0.0.1:0"

[audit_log]
path = "{}"

[plugins.bad]
component = {{ path = "{}" }}
grants = {{ request-edit = true, response-edit = true }}

[plugins.liar]
component = {{ path = "{}" }}
config.set = {{ "consumer.id" = "root" }}

[plugins.caller]
component = {{ path = "{}" }}
grants = {{ fetch = [] }}
config.calls = [{{ to = "https://collector.example" }}]

[[routes]]
name = "caller"
match = {{ path = "/caller" }}
chain = ["caller"]

[[routes]]
name = "bad"
match = {{ path = "/bad" }}
chain = ["bad"]
reply = {{ status = 204 }}

[[routes]]
name = "liar"
match = {{ path = "/liar" }}
chain = ["liar"]
reply = {{ status = 204 }}
"#,
        log.display(),
        guest("misbehaving"),
        guest("attribute-setter"),
        guest("fetcher"),
    )
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("audit.log")).expect("the audit log");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// What happened, in order; incidents come when a second is over.
fn events(folder: &Path) -> Vec<String> {
    let names = lines(folder).into_iter().map(|line| line["event"].as_str().unwrap().to_owned());
    names.filter(|name| name != "incident").collect()
}

/// How often a plugin did this.
fn incidents(folder: &Path, plugin: &str, what: &str) -> u64 {
    let all = lines(folder).into_iter();
    let these = all.filter(|line| line["plugin"] == plugin && line["what"] == what);
    these.map(|line| line["count"].as_u64().expect("a count")).sum()
}

fn verify(folder: &Path) -> Ended {
    torana(folder, &["audit-log", "verify", "audit.log"])
}

#[tokio::test]
async fn what_happens_is_written_and_goes_on_after_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let toml = configuration(folder.path());
    let gateway = Gateway::start(&toml).await;
    for _ in 0..20 {
        let trap = request("GET", "/bad").header("x-mode", "panic");
        assert_eq!(gateway.client().send(trap, "").await.status, 500);
        assert_eq!(gateway.client().get("/liar").await.status, 500);
    }
    let peek =
        request("GET", "/bad").header("x-mode", "hidden").header("authorization", "Basic eA");
    assert!(gateway.client().send(peek, "").await.text().contains("hidden"));
    assert_eq!(gateway.client().get("/caller").await.status, 200);
    gateway.write("[listen.public]\n");
    gateway.signal_reload();
    gateway.wait_for_log("the refusal", |line| line.contains("reload refused")).await;
    gateway.write(&toml);
    gateway.signal_reload();
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
    gateway.stop().await;
    let once = ["start", "configuration", "reload-refused", "configuration", "stop"];
    assert_eq!(events(folder.path()), once);
    assert_eq!(incidents(folder.path(), "bad", "trap"), 20);
    assert_eq!(incidents(folder.path(), "liar", "denied attribute"), 20);
    assert_eq!(incidents(folder.path(), "bad", "denied header"), 1);
    assert_eq!(incidents(folder.path(), "caller", "denied fetch"), 1);
    let all = lines(folder.path());
    let configuration = all.iter().find(|line| line["event"] == "configuration").expect("one");
    assert_eq!(configuration["plugins"]["bad"].as_str().map(str::len), Some(64));

    Gateway::start(&toml).await.stop().await;
    let twice = [&once[..], &["start", "configuration", "stop"]].concat();
    assert_eq!(events(folder.path()), twice);
    verify(folder.path()).expect(0);
}

/// The digests of the files that were taken, in order.
fn taken(folder: &Path) -> Vec<String> {
    let lines = lines(folder).into_iter().filter(|line| line["event"] == "configuration");
    lines.map(|line| line["sha256"].as_str().expect("a digest").to_owned()).collect()
}

#[tokio::test]
async fn what_it_writes_is_no_change_of_the_configuration() {
    let folder = TempDir::new().expect("a folder");
    let toml = configuration(folder.path());
    let gateway = Gateway::start(&toml).await;
    for number in 1..4 {
        gateway.write(&format!("{toml}\n# {number}\n"));
        within("the watch sees it", async {
            while taken(folder.path()).len() <= number {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    gateway.stop().await;
    let mut taken = taken(folder.path());
    assert_eq!(taken.len(), 4, "each file once: {taken:?}");
    taken.dedup();
    assert_eq!(taken.len(), 4);
}

#[tokio::test]
async fn two_processes_that_hand_over_write_one_chain() {
    let folder = TempDir::new().expect("a folder");
    let mut gateway = Gateway::start(&configuration(folder.path())).await;
    for _ in 0..2 {
        gateway.hand_over().await;
    }
    gateway.stop().await;
    verify(folder.path()).expect(0);
    let count = |name: &str| events(folder.path()).iter().filter(|event| *event == name).count();
    assert_eq!((count("start"), count("stop")), (3, 3));
}

#[tokio::test]
async fn a_line_that_was_changed_or_taken_out_is_found() {
    let folder = TempDir::new().expect("a folder");
    let log = folder.path().join("audit.log");
    Gateway::start(&configuration(folder.path())).await.stop().await;
    let good = fs::read_to_string(&log).expect("the audit log");
    let said = verify(folder.path()).expect(0).stdout;
    assert!(said.starts_with("audit.log: whole, 3 lines, the last one's hash is "), "{said}");
    let without: String =
        good.lines().enumerate().filter(|(n, _)| *n != 1).map(|(_, l)| format!("{l}\n")).collect();
    for (changed, why) in [
        (good.replace("\"start\"", "\"stare\""), "line 1 was changed or cut"),
        (without, "line 2 does not follow the one before it"),
        (good.trim_end()[..good.len() - 9].to_owned(), "line 3 was changed or cut"),
    ] {
        fs::write(&log, changed).expect("writing");
        let said = verify(folder.path()).expect(1).stderr;
        assert!(said.contains(why), "{why}: {said}");
    }
}

const PLAIN: &str = r#"
[listen.public]
address = "127.0.0.1:0"

[admin]
address = "127.0.0.1:0"

[audit_log]
path = "audit.log"

[[routes]]
name = "all"
match = { path = "/{*path}" }
reply = { status = 204 }
"#;

async fn reload(gateway: &Gateway) {
    let from = gateway.log().len();
    gateway.signal_reload();
    gateway.log().wait_from(from, "the reload", |line| line.contains(" reloaded")).await;
}

/// Waits until the audit log has a line with this event.
async fn wait_for(folder: &Path, event: &str) {
    within(event, async {
        while !events(folder).iter().any(|name| name == event) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_costs_lines_and_not_the_chain() {
    // Room for two blocks of 512 bytes: some line is cut in its middle.
    let setup = Setup::new(PLAIN).shell("trap '' XFSZ; ulimit -S -f 2");
    let gateway = setup.start().await;
    let folder = gateway.path("");
    let before = gateway.admin().get("/metrics").await;
    assert!(before.text().contains("\ntorana_audit_log_failed_total 0\n"), "{before:?}");
    let is_full = |line: &str| line.contains("the audit log cannot be written");
    while !gateway.log().lines().iter().any(|line| is_full(line)) {
        reload(&gateway).await;
    }
    assert!(metric(&gateway, "torana_audit_log_failed_total", &[]).await >= 1.0);
    let limit = ["--pid", &gateway.pid().to_string(), "--fsize=unlimited:"].map(str::to_owned);
    assert!(Command::new("prlimit").args(limit).status().expect("prlimit").success());
    wait_for(&folder, "lost").await;
    reload(&gateway).await;
    gateway.signal(Signal::SIGTERM);
    wait_for(&folder, "stop").await;
    verify(&folder).expect(0);
    let lost = lines(&folder).into_iter().find(|line| line["event"] == "lost").expect("it");
    assert!(lost["lines"].as_u64() >= Some(1), "{lost}");
}

#[tokio::test]
async fn a_chain_goes_on_in_the_file_that_comes_after_a_rotation() {
    let gateway = Gateway::start(PLAIN).await;
    let folder = gateway.path("");
    wait_for(&folder, "configuration").await;
    fs::rename(folder.join("audit.log"), folder.join("audit.log.1")).expect("renaming");
    // A file that is refused, for the logs do not depend on it.
    gateway.write("[listen.public]\n");
    gateway.signal_reload();
    gateway.wait_for_log("the refusal", |line| line.contains("reload refused")).await;
    gateway.signal(Signal::SIGTERM);
    within("a new file", async {
        while !folder.join("audit.log").exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    wait_for(&folder, "stop").await;
    assert_eq!(events(&folder), ["continue", "reload-refused", "stop"]);
    let both = ["audit-log", "verify", "audit.log.1", "audit.log"];
    let said = torana(&folder, &both).expect(0).stdout;
    assert!(
        said.contains("audit.log.1: whole, 2 lines") && said.contains("audit.log: whole, 3 lines"),
        "{said}"
    );
    let alone = verify(&folder).expect(0).stdout;
    assert!(alone.contains("; it goes on from another file with lines 1 to 2"), "{alone}");
    let swapped = ["audit-log", "verify", "audit.log", "audit.log.1"];
    let said = torana(&folder, &swapped).expect(1).stderr;
    assert!(said.contains("audit.log.1: line 1 does not follow the one before it"), "{said}");
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_and_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let log = folder.path().join("audit.log");
    fs::write(&log, "mine\n").expect("writing");
    fs::write(folder.path().join("gateway.toml"), configuration(folder.path())).expect("writing");
    let said = torana(folder.path(), &["run", "gateway.toml"]).expect(1).stderr;
    assert!(said.contains("the audit log cannot be opened: it is no audit log"), "{said}");
    assert_eq!(fs::read_to_string(&log).expect("the file"), "mine\n");
}
