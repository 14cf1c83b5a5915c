//! Plugin files that mean harm. Whatever is in them: `torana check` says at the line of the component what
//! is wrong, or the gateway serves with them; nothing crashes, is waited for without end, or takes the
//! machine's memory.

mod answers;
mod components;
mod files;
mod modules;

use std::fs;

use tempfile::TempDir;
use torana_tests::{
    Gateway, Setup,
    command::{Ended, torana_with},
};

/// A gateway with one plugin, in the place of an upstream's answer there is the host's 502.
const TOML: &str = r#"
[gateway]
workers = 1
watch = false

[admin]
address = "127.0.0.1:0"

[listen.public]
address = "127.0.0.1:0"

[plugins.hostile]
component = { path = "guest.wasm" }
limits = { startup = "500ms", cpu = "500ms" }

[upstreams.nobody]
targets = ["127.0.0.1:9"]

[[routes]]
name = "all"
match = { path = "/{*path}" }
chain = ["hostile"]
upstream = "nobody"
"#;

/// The most memory for checking, compiling and starting any of them.
const MOST_MEMORY: usize = 640 << 20;

/// A sound plugin, until somebody puts something else in one of its places.
struct Guest {
    memory: String,
    configure: String,
    handle: String,
    /// More in its core module.
    module: String,
    /// More in the component.
    around: String,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            memory: "(memory (export \"memory\") 1)".into(),
            configure: "i32.const 0".into(),
            handle: "i32.const 0".into(),
            module: String::new(),
            around: String::new(),
        }
    }
}

impl Guest {
    fn text(&self) -> String {
        include_str!("guest.wat")
            .replace("{memory}", &self.memory)
            .replace("{configure}", &self.configure)
            .replace("{handle}", &self.handle)
            .replace("{module}", &self.module)
            .replace("{around}", &self.around)
    }

    fn wasm(&self) -> Vec<u8> {
        binary(&self.text())
    }
}

fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn sound() -> Vec<u8> {
    Guest::default().wasm()
}

fn with_module(module: impl Into<String>) -> Vec<u8> {
    Guest { module: module.into(), ..Guest::default() }.wasm()
}

fn with_memory(memory: &str) -> Vec<u8> {
    Guest { memory: memory.into(), ..Guest::default() }.wasm()
}

fn with_configure(configure: &str) -> Vec<u8> {
    Guest { configure: configure.into(), ..Guest::default() }.wasm()
}

fn around(around: impl Into<String>) -> Vec<u8> {
    Guest { around: around.into(), ..Guest::default() }.wasm()
}

/// A sound plugin with another text in the place of one of its own.
fn changed(from: &str, to: &str) -> Vec<u8> {
    let text = Guest::default().text();
    assert!(text.contains(from), "{from}");
    binary(&text.replace(from, to))
}

/// Every one of these is refused, with this in the text. Cases are names, files and texts.
#[track_caller]
fn all_refused(cases: Vec<(&str, Vec<u8>, &str)>) {
    for (name, wasm, part) in cases {
        let folder = folder(&wasm);
        assert_refused(name, &check(&folder), part);
    }
}

/// With every one of these the gateway answers: the plugin lets requests pass.
async fn all_served(cases: Vec<(&str, Vec<u8>)>) {
    for (name, wasm) in cases {
        let gateway = start(&wasm).await;
        assert_eq!(gateway.client().get("/").await.status, 502, "{name}");
        assert!(gateway.peak() < MOST_MEMORY, "{name}: {} MiB", gateway.peak() >> 20);
    }
}

/// A folder with the configuration and a component.
fn folder(wasm: &[u8]) -> TempDir {
    let folder = configured(TOML);
    fs::write(folder.path().join("guest.wasm"), wasm).expect("writing the component");
    folder
}

/// A folder with a configuration alone.
fn configured(toml: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("gateway.toml"), toml).expect("writing the configuration");
    folder
}

fn check(folder: &TempDir) -> Ended {
    let cache = folder.path().join("cache");
    let cache = cache.to_str().expect("a path in UTF-8");
    torana_with(folder.path(), &["check", "gateway.toml"], &[("TORANA_CACHE", cache)])
}

#[track_caller]
fn assert_refused(name: &str, ended: &Ended, part: &str) {
    let line = TOML[..TOML.find("component =").expect("it is there")].matches('\n').count() + 1;
    let place = format!("gateway.toml:{line}:{}: error: ", "component = ".len() + 1);
    let said = &ended.stderr;
    assert_eq!(ended.code, 1, "{name}: {said}");
    assert!(said.starts_with(&place), "{name}: expected {place}\n{said}");
    assert!(said.contains(part), "{name}: `{part}` is missing\n{said}");
    assert!(said.len() < 2_000, "{name}: too much is said\n{said}");
    let is_plain = |c: char| c == '\n' || !c.is_control();
    assert!(said.chars().all(is_plain), "{name}: it reaches the terminal: {said:?}");
    assert!(ended.peak < MOST_MEMORY, "{name}: {} MiB", ended.peak >> 20);
}

async fn start(wasm: &[u8]) -> Gateway {
    let cache = TempDir::new().expect("a folder");
    let path = cache.path().to_str().expect("a path in UTF-8");
    Setup::new(TOML).file("guest.wasm", wasm).env("TORANA_CACHE", path).start().await
}
