//! `torana lock`, and what --locked refuses.

use std::fs;

use torana_tests::{Folder, Setup, command::Ended, paths};

const GOOD: &str = r#"
[listen.public]
address = "127.0.0.1:0"

[upstreams.users]
targets = ["127.0.0.1:9001"]

[plugins.last]
component = { path = "guest.wasm" }
grants = { fetch = ["users"], request-body = "read" }
config.calls = []

[[routes]]
name = "all"
match = { path = "/{*rest}" }
chain = ["last"]
"#;

fn component(guest: &str) -> Vec<u8> {
    fs::read(paths::guest(guest)).expect("a component")
}

/// A folder with a configuration that may be locked.
struct Lockable(Folder);

impl std::ops::Deref for Lockable {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.0
    }
}

impl Lockable {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("gateway.toml", GOOD);
        folder.write_guest("guest.wasm", "fetcher");
        Self(folder)
    }

    fn lock_file(&self) -> String {
        self.read("torana.lock")
    }

    fn lock(&self) -> Ended {
        self.run(&["lock", "gateway.toml"]).expect(0)
    }

    /// What `check --locked` refuses.
    fn refused(&self) -> String {
        self.run(&["check", "gateway.toml"]).expect(0);
        self.run(&["check", "--locked", "gateway.toml"]).expect(1).stderr
    }
}

#[test]
fn what_is_as_it_was_is_taken() {
    let folder = Lockable::new();
    assert_eq!(folder.lock().stdout, "torana.lock: 1 plugin\n");
    let first = folder.lock_file();
    assert!(first.starts_with("# What the plugins of this gateway are"), "{first}");
    for line in ["[plugins.last]", "\"torana:plugin/fetch\"", "\"fetch users\""] {
        assert!(first.contains(line), "{line}: {first}");
    }
    folder.run(&["check", "--locked", "gateway.toml"]).expect(0);
    folder.lock();
    assert_eq!(folder.lock_file(), first, "the same plugins give the same bytes");
}

#[test]
fn a_changed_component_is_refused_with_what_changed() {
    let folder = Lockable::new();
    folder.write_guest("guest.wasm", "echo");
    folder.write("gateway.toml", GOOD.replace("config.calls = []\n", ""));
    folder.lock();
    folder.write_guest("guest.wasm", "fetcher");
    folder.write("gateway.toml", GOOD);
    let text = folder.refused();
    let line = 1 + GOOD.lines().position(|l| l.starts_with("component")).expect("the line");
    for said in [
        format!("gateway.toml:{line}:13: error: the component of plugin `last` has changed, from "),
        format!("gateway.toml:{line}:13: error: plugin `last` now imports torana:plugin/fetch\n"),
        "error: plugin `last` no longer imports torana:plugin/request-body\n".to_owned(),
        "help: look at what it is now; if you trust it, write the lock anew: torana lock"
            .to_owned(),
    ] {
        assert!(text.contains(&said), "{said}\n{text}");
    }
}

#[test]
fn changed_grants_are_refused() {
    let folder = Lockable::new();
    folder.lock();
    let wider = "fetch = [\"users\", \"https://collector.example\"]";
    folder.write("gateway.toml", GOOD.replace("fetch = [\"users\"]", wider));
    let text = folder.refused();
    let said = "error: plugin `last` is now granted `fetch https://collector.example`";
    assert!(text.contains(said), "{text}");
    folder.write("gateway.toml", GOOD.replace(", request-body = \"read\"", ""));
    let text = folder.refused();
    let said = "error: plugin `last` is no longer granted `request-body read`";
    assert!(text.contains(said), "{text}");
}

#[test]
fn a_plugin_that_is_not_in_the_lock_is_refused() {
    let folder = Lockable::new();
    folder.lock();
    folder.write(
        "gateway.toml",
        GOOD.replace("plugins.last", "plugins.new").replace("\"last\"", "\"new\""),
    );
    let text = folder.refused();
    assert!(text.contains("error: plugin `new` is not in torana.lock"), "{text}");
}

#[test]
fn a_plugin_that_no_chain_names_is_held_to_it_too() {
    let folder = Lockable::new();
    folder.lock();
    let idle = "\n[plugins.idle]\ncomponent = { path = \"guest.wasm\" }\n\
                grants = { fetch = [\"users\"], request-body = \"read\" }\nconfig.calls = []\n";
    folder.write("gateway.toml", GOOD.to_owned() + idle);
    let text = folder.refused();
    assert!(text.contains("error: plugin `idle` is not in torana.lock"), "{text}");
}

#[test]
fn a_pin_of_the_file_does_not_win_over_the_lock() {
    let folder = Lockable::new();
    folder.lock();
    let pinned = format!("{{ path = \"guest.wasm\", sha256 = \"{}\" }}", "ab".repeat(32));
    folder.write("gateway.toml", GOOD.replace("{ path = \"guest.wasm\" }", &pinned));
    let text = folder.run(&["check", "--locked", "gateway.toml"]).expect(1).stderr;
    assert!(text.contains("is pinned to another digest than it has"), "{text}");
}

#[test]
fn without_a_lock_nothing_is_taken() {
    let folder = Lockable::new();
    let text = folder.refused();
    assert!(
        text.contains("error: there is no torana.lock beside it\nhelp: write one with"),
        "{text}"
    );
    folder.write("torana.lock", "version = 9\n");
    let text = folder.refused();
    assert!(text.contains("error: torana.lock is broken: version 9 is not 1"), "{text}");
}

#[tokio::test]
async fn a_reload_with_a_changed_component_is_refused() {
    let folder = Lockable::new();
    folder.lock();
    let gateway = Setup::new(GOOD)
        .file("guest.wasm", component("fetcher"))
        .file("torana.lock", folder.lock_file())
        .argument("--locked")
        .start()
        .await;
    assert_eq!(gateway.client().get("/a").await.status, 200);
    fs::write(gateway.path("guest.wasm"), component("echo")).expect("writing");
    gateway.write(&GOOD.replace("config.calls = []\n", ""));
    gateway.signal_reload();
    let changed = |line: &str| line.contains("the component of plugin `last` has changed");
    gateway.wait_for_log("the refusal", changed).await;
    assert_eq!(gateway.client().get("/a").await.status, 200);
}
