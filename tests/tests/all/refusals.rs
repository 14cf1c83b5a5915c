//! Plugins that are refused: `torana check` and `torana run` say the same, where it stands and what
//! to write instead.

mod names;

use std::fs;

use tempfile::TempDir;
use torana_tests::{Setup, command::torana, paths, toml};

use crate::guests::{handled, plugin, plugin_with, route};

/// A file with an upstream and what else there is.
fn file(parts: &[&str]) -> String {
    let upstream = toml::upstream("service", "127.0.0.1:9001".parse().expect("an address"));
    [toml::LISTEN, &upstream, &parts.concat()].concat()
}

/// Line and column of the last `at` in a file, from 1.
fn position(toml: &str, at: &str) -> String {
    let before = &toml[..toml.rfind(at).unwrap_or_else(|| panic!("{at} is missing"))];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let (line, column) = (before.matches('\n').count() + 1, before.len() - start + 1);
    format!("gateway.toml:{line}:{column}: error: ")
}

/// The `component` of a test guest, as it is written.
fn component(guest: &str) -> String {
    format!("{{ path = \"{}\"", paths::guest(guest).display())
}

/// Fails unless `check` and `run` refuse the file, there where the last `at` stands, with all of
/// these texts. `more` are files beside it.
#[track_caller]
fn assert_refused(toml: &str, at: &str, texts: &[&str], more: &[(&str, &[u8])]) -> String {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("gateway.toml"), toml).expect("writing the file");
    for (name, content) in more {
        fs::write(folder.path().join(name), content).expect("writing a file");
    }
    let place = position(toml, at);
    let mut said = String::new();
    // A gateway that would start is ended by the harness, and the test with it.
    for command in ["check", "run"] {
        let ended = torana(folder.path(), &[command, "gateway.toml"]).expect(1);
        let lines: Vec<_> = ended.stderr.lines().collect();
        assert!(
            lines.iter().any(|line| line.starts_with(&place)),
            "`{command}`, expected {place}\n{}",
            ended.stderr
        );
        for text in texts {
            assert!(ended.stderr.contains(text), "`{text}` is missing:\n{}", ended.stderr);
        }
        assert!(!ended.text().contains("listening"), "{}", ended.text());
        said = ended.stderr;
    }
    said
}

#[test]
fn an_import_that_is_not_granted() {
    for (guest, grants, missing) in [
        ("misbehaving", "{ response-edit = true }", "request-edit = true"),
        ("misbehaving", "{ request-edit = true }", "response-edit = true"),
        ("body-upper", "{ response-body = \"read-write\" }", "request-body = \"read-write\""),
        (
            "body-upper",
            "{ request-body = \"read-write\", response-body = \"read\" }",
            "response-body = \"read-write\"",
        ),
        ("body-upper", "{ request-body = \"read-write\" }", "response-body = \"read-write\""),
        ("counter", "{ rate-limit = true }", "kv = true"),
        ("counter", "{ kv = true }", "rate-limit = true"),
        ("counter", "{ kv = false, rate-limit = true }", "kv = true"),
    ] {
        let wanted = plugin_with("p", guest, grants, "");
        let toml = file(&[&wanted, &route("[\"p\"]")]);
        assert_refused(&toml, grants, &["not granted", "`p`", missing], &[]);
    }
    for (guest, grants, missing) in [
        ("fetcher", "{ crypto = true }", "fetch = ["),
        ("cryptic", "{ request-body = \"read\", secrets = { reveal = [\"s\"] } }", "crypto = true"),
        ("cryptic", "{ request-body = \"read\", crypto = true }", "secrets = { reveal = ["),
        (
            "cryptic",
            "{ request-body = \"read\", crypto = true, secrets = { use = [\"s\"] } }",
            "secrets = { reveal = [",
        ),
    ] {
        let config = if guest == "fetcher" { "config.calls = []" } else { "" };
        let wanted = plugin_with("p", guest, grants, config);
        let secret = "\n[secrets]\ns = { file = \"secret\" }\n";
        let toml = file(&[secret, &wanted, &handled("[\"p\"]")]);
        assert_refused(&toml, grants, &["not granted", "`p`", missing], &[("secret", b"x")]);
    }
}

#[test]
fn every_missing_grant_is_named_at_once() {
    let toml = file(&[&plugin_with("p", "body-upper", "{}", ""), &route("[\"p\"]")]);
    let names = ["request-body-edit", "response-body-edit"];
    let said = assert_refused(&toml, "{}", &names, &[]);
    // Reading a body is part of editing it: one grant, one problem.
    assert_eq!(said.matches("which is not granted").count(), 2, "{said}");
}

#[test]
fn a_plugin_without_grants_points_at_its_entry() {
    let path = paths::guest("misbehaving");
    let entry = format!("[plugins.p]\ncomponent = {{ path = \"{}\" }}\n", path.display());
    let toml = file(&[&entry, &route("[\"p\"]")]);
    let said = assert_refused(&toml, "[plugins.p]", &["request-edit = true"], &[]);
    assert!(said.contains("response-edit = true"), "{said}");
}

#[test]
fn a_grant_that_a_chain_entry_takes_away_is_missing_there() {
    let entry = "[{ plugin = \"p\", grants = { kv = false } }]";
    let toml = file(&[&plugin("p", "counter", ""), &route(entry)]);
    assert_refused(&toml, "{ kv = false }", &["kv = true", "not granted"], &[]);
}

#[test]
fn another_version_of_the_contract() {
    let toml = file(&[&plugin("p", "wrong-version", ""), &route("[\"p\"]")]);
    let texts = ["torana:plugin@9.9.9", "torana:plugin@0.1.3", "rebuild"];
    assert_refused(&toml, &component("wrong-version"), &texts, &[]);
}

#[test]
fn what_is_no_component() {
    let whole = fs::read(paths::guest("misbehaving")).expect("a guest");
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 64].fill(0xff);
    let half = &whole[..whole.len() / 2];
    let cases: [(&[u8], &str); 8] = [
        (b"", "empty"),
        (b"plain text", "not WebAssembly"),
        (b"\0as", "not WebAssembly"),
        (b"\0asm\x01\0\0\0", "core WebAssembly module"),
        (b"\0asm\x99\0\x01\0", "version"),
        (b"\0asm\x0d\0\x01\0", "no Torana plugin"),
        (half, "does not load"),
        (&torn, "does not load"),
    ];
    for (bytes, text) in cases {
        let entry = "[plugins.p]\ncomponent = { path = \"p.wasm\" }\n";
        let toml = file(&[entry, &route("[\"p\"]")]);
        assert_refused(&toml, "{ path = \"p.wasm\" }", &[text], &[("p.wasm", bytes)]);
    }
}

#[test]
fn a_component_without_a_hook() {
    let toml = file(&[&plugin("p", "hookless", ""), &route("[\"p\"]")]);
    assert_refused(&toml, &component("hookless"), &["exports no hook", "on-request-head"], &[]);
}

#[test]
fn a_file_that_there_is_not() {
    let entry = "[plugins.p]\ncomponent = { path = \"p.wasm\" }\n";
    let toml = file(&[entry, &route("[\"p\"]")]);
    let beside: &[(&str, &[u8])] = &[("one.wasm", b""), ("two.wasm", b""), ("three.txt", b"")];
    let said = assert_refused(&toml, "{ path = \"p.wasm\" }", &["p.wasm", "one, two"], beside);
    assert!(!said.contains("three"), "{said}");

    let toml = file(&["[plugins.p]\ncomponent = \"hedaers\"\n", &route("[\"p\"]")]);
    assert_refused(&toml, "\"hedaers\"", &["hedaers", "headers", "require"], &[]);

    let folder = file(&["[plugins.p]\ncomponent = { path = \".\" }\n", &route("[\"p\"]")]);
    assert_refused(&folder, "{ path = \".\" }", &["cannot read"], &[]);
}

#[test]
fn another_file_than_the_pinned_one() {
    let path = paths::guest("observer");
    let entry = |digest: &str| {
        format!(
            "[plugins.p]\ncomponent = {{ path = \"{}\", sha256 = \"{digest}\" }}\n",
            path.display()
        )
    };
    let wrong = "0123".repeat(16);
    let toml = file(&[&entry(&wrong), &route("[\"p\"]")]);
    let said = assert_refused(&toml, &component("observer"), &["pinned", "sha256"], &[]);
    // The right one is told, and is taken then.
    let digits = |word: &&str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let found = said.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| *word != wrong);
    let right = found.into_iter().find(digits).expect("the digest of the file");
    let folder = TempDir::new().expect("a folder");
    let toml = file(&[&entry(right), &route("[\"p\"]")]);
    fs::write(folder.path().join("gateway.toml"), toml).expect("writing the file");
    torana(folder.path(), &["check", "gateway.toml"]).expect(0);
}

#[test]
fn a_wrong_setting_is_shown_where_it_stands() {
    let refused = "config = { request = \"fine\", configure = \"fail\" }";
    let toml = file(&[&plugin("p", "misbehaving", refused), &route("[\"p\"]")]);
    assert_refused(&toml, "\"fail\"", &["refused, on purpose", "`configure`", "`p`"], &[]);

    let unknown = "config = { request = \"fine\", response = \"lop\" }";
    let toml = file(&[&plugin("p", "misbehaving", unknown), &route("[\"p\"]")]);
    assert_refused(&toml, "\"lop\"", &["lop", "`p`"], &[]);

    let wrong_key = "config.request = \"fine\"\nconfig.reqest = \"fine\"";
    let toml = file(&[&plugin("p", "misbehaving", wrong_key), &route("[\"p\"]")]);
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("gateway.toml"), &toml).expect("writing the file");
    let said = torana(folder.path(), &["check", "gateway.toml"]).expect(1).stderr;
    let line = toml[..toml.find("config.reqest").unwrap()].matches('\n').count() + 1;
    assert!(said.contains(&format!("gateway.toml:{line}:")), "line {line}\n{said}");
    assert!(said.contains("reqest"), "{said}");
}

#[test]
fn a_wrong_setting_of_a_chain_entry_is_shown_there() {
    let entry = "[{ plugin = \"p\", config = { configure = \"fail\" } }]";
    let toml = file(&[&plugin("p", "misbehaving", "config.configure = \"fine\""), &route(entry)]);
    assert_refused(&toml, "\"fail\"", &["refused, on purpose"], &[]);
}

#[test]
fn a_handler_that_is_not_last() {
    let plugins = [plugin("h", "echo", ""), plugin("p", "misbehaving", "")].concat();
    let toml = file(&[&plugins, &handled("[\"h\", \"p\"]")]);
    assert_refused(&toml, "\"h\"", &["handler", "last"], &[]);
    let toml = file(&[&plugins, &handled("[\"h\", \"p\", \"h\"]")]);
    assert_refused(&toml, "\"h\", \"p\"", &["handler", "last"], &[]);
}

#[test]
fn a_handler_and_an_upstream() {
    let toml = file(&[&plugin("h", "echo", ""), &route("[\"h\"]")]);
    assert_refused(&toml, "\"all\"", &["handler", "upstream", "`h`", "`service`"], &[]);
}

#[test]
fn nothing_that_answers() {
    let toml = file(&[&plugin("p", "misbehaving", ""), &handled("[\"p\"]")]);
    assert_refused(&toml, "\"all\"", &["nothing that answers", "upstream", "handler"], &[]);
}

#[test]
fn a_handler_in_the_chain_of_a_listener() {
    let chain = "chain = [\"h\"]\n";
    let upstream = toml::upstream("service", "127.0.0.1:9001".parse().expect("an address"));
    let toml = [toml::LISTEN, chain, &plugin("h", "echo", ""), &upstream, &route("[]")].concat();
    assert_refused(&toml, "\"h\"", &["handler"], &[]);
}

#[test]
fn stream_hooks_that_would_be_skipped() {
    let grants = "{ request-body = \"read-write\", request-edit = true, \
                      response-body = \"read-write\", response-edit = true }";
    let more = "on_error = \"skip\"";
    let toml = file(&[&plugin_with("p", "stream-upper", grants, more), &route("[\"p\"]")]);
    let texts = ["stream hooks", "cannot be skipped", "deny"];
    assert_refused(&toml, "\"p\"", &texts, &[]);
}

#[test]
fn routes_that_take_the_same_requests() {
    let other = toml::route("other", &toml::ALL.replace("{*path}", "{*rest}"));
    let toml = file(&[&route("[]"), &other]);
    assert_refused(&toml, "{ path = \"/{*rest}\" }", &["`all`", "`other`", "same"], &[]);
}

#[test]
fn one_unknown_plugin_refuses_the_whole_file() {
    let good = toml::route("good", "match = { path = \"/good\" }\nupstream = \"service\"");
    let toml = file(&[&good, &plugin("p", "misbehaving", ""), &route("[\"p\", \"qq\"]")]);
    assert_refused(&toml, "\"qq\"", &["qq"], &[]);
}

#[test]
fn an_entry_that_no_chain_uses_is_told() {
    let toml = file(&[&plugin("p", "misbehaving", ""), &route("[]")]);
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("gateway.toml"), &toml).expect("writing the file");
    let said = torana(folder.path(), &["check", "gateway.toml"]).text();
    let line = toml[..toml.find("[plugins.p]").unwrap()].matches('\n').count() + 1;
    assert!(said.contains(&format!("gateway.toml:{line}:")) && said.contains("`p`"), "{said}");
}

#[tokio::test]
async fn what_is_refused_is_not_served() {
    let good = toml::route("good", "match = { path = \"/good\" }\nupstream = \"service\"");
    let bad = plugin_with("p", "misbehaving", "{}", "");
    let toml = file(&[&good, &bad, &route("[\"p\"]")]);
    let mut gateway = Setup::new(&toml).spawn();
    assert_eq!(gateway.ended().await.code(), Some(1));
    assert!(!gateway.log().quote().contains("listening"), "{}", gateway.log().quote());
}

#[test]
fn a_stream_hook_needs_the_grant_of_its_body() {
    let grants = "{ request-edit = true, response-edit = true }";
    let toml = file(&[&plugin_with("p", "stream-upper", grants, ""), &route("[\"p\"]")]);
    let texts = [
        "wants `on-request-stream`",
        "request-body = \"read\"` to hear them, or `request-body = \"read-write\"",
        "wants `on-response-stream`",
        "response-body = \"read-write\"",
    ];
    assert_refused(&toml, grants, &texts, &[]);
}
