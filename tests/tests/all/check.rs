//! `torana check`: what is good, what is wrong, where, and what to write instead.

mod reach;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use torana_tests::{
    command::{Ended, torana},
    paths,
};

const GOOD: &str = r#"
[listen.public]
address = "127.0.0.1:8080"

[upstreams.catalog]
targets = ["127.0.0.1:9001"]

[plugins.headers]
component = "headers"
grants = { request-edit = true, response-edit = true }
config = { request = { set = { x-user = "{params.id}" } } }

[[routes]]
name = "details"
match = { path = "/products/{id}", methods = ["GET"] }
chain = ["headers"]
upstream = "catalog"
"#;

fn check_with(toml: &str, arguments: &[&str]) -> Ended {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("gateway.toml"), toml).expect("writing the file");
    torana(folder.path(), &[&["check", "gateway.toml"], arguments].concat())
}

fn check(toml: &str) -> Ended {
    check_with(toml, &[])
}

/// The good file with one thing changed.
fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replace(from, to)
}

/// Line and column of a text in a file, from 1.
fn position(toml: &str, text: &str) -> (usize, usize) {
    let before = &toml[..toml.find(text).expect("the text")];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.lines().count().max(1) + usize::from(before.ends_with('\n')),
        before.len() - line_start + 1,
    )
}

/// Fails unless the file is refused for one thing, that stands where `at` stands. Gives the text.
#[track_caller]
fn refused_at(toml: &str, at: &str) -> String {
    let text = check(toml).expect(1).stderr;
    let (line, column) = position(toml, at);
    let start = format!("gateway.toml:{line}:{column}: error: ");
    assert!(text.starts_with(&start), "expected {start}\n{text}");
    assert!(text.contains("gateway.toml: 1 problem\n"), "{text}");
    text
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing:\n{text}");
    }
}

#[test]
fn a_good_file() {
    let checked = check(GOOD).expect(0);
    assert_eq!(checked.stdout, "gateway.toml: good (1 route)\n");
    assert_eq!(checked.stderr, "");
}

#[test]
fn a_key_that_there_is_not() {
    let toml = changed("upstream = \"catalog\"", "upstraem = \"catalog\"");
    let text = check(&toml).expect(1).stderr;
    let (line, column) = position(&toml, "upstraem");
    assert_says(
        &text,
        &[&format!("gateway.toml:{line}:{column}: error: "), "upstraem", "upstream"],
    );
}

#[test]
fn the_line_is_shown_and_underlined() {
    let toml = changed("\"127.0.0.1:8080\"", "8080");
    let text = refused_at(&toml, "8080");
    let lines: Vec<_> = text.lines().collect();
    let shown = lines.iter().position(|line| line.ends_with("address = 8080")).expect("the line");
    assert!(lines[shown + 1].contains("^^^^"), "{text}");
    assert_says(&text, &["a string such as \"127.0.0.1:8080\"", "an integer"]);
}

#[test]
fn a_text_that_is_no_toml() {
    let toml = changed("targets = [", "targets = ");
    let text = check(&toml).expect(1).stderr;
    let line = position(&toml, "targets").0;
    assert_says(&text, &[&format!("gateway.toml:{line}:"), "error: "]);
}

#[test]
fn an_upstream_that_there_is_not() {
    let toml = changed("upstream = \"catalog\"", "upstream = \"catalogue\"");
    let text = check(&toml).expect(1).stderr;
    let (line, column) = position(&toml, "\"catalogue\"");
    let place = format!("gateway.toml:{line}:{column}: error: ");
    assert_says(&text, &[&place, "catalogue", "did you mean `catalog`?"]);
}

#[test]
fn a_plugin_that_there_is_not() {
    let toml = changed("chain = [\"headers\"]", "chain = [\"headres\"]");
    let text = check(&toml).expect(1).stderr;
    let (line, column) = position(&toml, "\"headres\"");
    assert_says(&text, &[&format!("gateway.toml:{line}:{column}: error: "), "headers"]);
}

#[test]
fn a_component_that_there_is_not() {
    let toml = changed("component = \"headers\"", "component = \"hedaers\"");
    let text = refused_at(&toml, "\"hedaers\"");
    assert_says(&text, &["hedaers", "headers"]);
}

#[test]
fn a_component_with_another_digest() {
    let digest = "0".repeat(64);
    let built = torana_tests::paths::components().join("headers.wasm");
    let pinned = format!("{{ path = \"{}\", sha256 = \"{digest}\" }}", built.display());
    let toml = changed("component = \"headers\"", &format!("component = {pinned}"));
    let text = check(&toml).expect(1).stderr;
    assert_says(&text, &["sha256"]);
}

#[test]
fn a_grant_that_is_missing_is_named() {
    let toml = changed("request-edit = true, ", "");
    let text = check(&toml).expect(1).stderr;
    let line = position(&toml, "grants").0;
    assert_says(&text, &[&format!("gateway.toml:{line}:"), "request-edit = true"]);
}

#[test]
fn a_setting_that_the_plugin_refuses_is_shown_where_it_stands() {
    let toml = changed("{params.id}", "{params.id");
    let text = refused_at(&toml, "\"{params.id\"");
    assert_says(&text, &["headers"]);
}

#[test]
fn a_setting_that_the_plugin_does_not_know_is_shown_where_it_stands() {
    let toml = changed("{ set =", "{ sett =");
    let text = check(&toml).expect(1).stderr;
    let line = position(&toml, "sett =").0;
    assert_says(&text, &[&format!("gateway.toml:{line}:"), "sett"]);
}

/// Two services, and a plugin that composes one reply of what they say.
#[test]
fn everything_that_is_wrong_is_told_at_once_in_order() {
    let toml = changed("127.0.0.1:8080", "127.0.0.1:99999")
        .replace("methods = [\"GET\"]", "methods = [\"get\"]")
        .replace("request-edit", "request-edti");
    let text = check(&toml).expect(1).stderr;
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is missing:\n{text}"));
    assert!(at("99999") < at("request-edti") && at("request-edti") < at("\"get\""), "{text}");
    assert_says(&text, &["gateway.toml: 3 problems\n"]);
}

#[test]
fn routes_that_take_the_same_requests() {
    let second = GOOD[GOOD.find("[[routes]]").unwrap()..].replace("details", "again");
    let toml =
        format!("{GOOD}{}", second.replace("{id}", "{other}").replace("[\"headers\"]", "[]"));
    let text = check(&toml).expect(1).stderr;
    assert_says(&text, &["details", "again"]);
}

#[test]
fn a_plugin_that_no_chain_uses_takes_its_settings_too() {
    let unused = "\n[plugins.idle]\ncomponent = \"headers\"\n\
                  grants = { request-edit = true, response-edit = true }\n";
    let good = format!("{GOOD}{unused}config = {{ request = {{ remove = [\"x-a\"] }} }}\n");
    assert_says(&check(&good).expect(0).stderr, &["warning: plugin `idle` is not used"]);
    let wrong = format!("{GOOD}{unused}config = {{ request = {{ remvoe = [\"x-a\"] }} }}\n");
    assert_says(&check(&wrong).expect(1).stderr, &["plugin `idle`", "remvoe"]);
    let missing = good.replace("\"headers\"\ngrants = { request-edit = true, response-edit = true }\nconfig = { request = { remove", "\"no-such\"\nconfig = { request = { remove");
    assert_ne!(missing, good);
    assert_says(&check(&missing).expect(1).stderr, &["cannot read the component `no-such`"]);
}

#[test]
fn a_missing_grant_for_bodies_is_one_problem() {
    let component = torana_tests::paths::guest("body-upper");
    let upper = |grants: &str| {
        let chained = changed("[\"headers\"]", "[\"headers\", \"upper\"]");
        let path = component.display();
        format!(
            "{chained}\n[plugins.upper]\ncomponent = {{ path = \"{path}\" }}\ngrants = {{ {grants} }}\n"
        )
    };
    check(&upper("request-body = \"read-write\", response-body = \"read-write\"")).expect(0);
    for granted in ["", ", response-body = \"read\""] {
        let toml = upper(&format!("request-body = \"read-write\"{granted}"));
        let text = check(&toml).expect(1).stderr;
        assert_says(&text, &["add `response-body = \"read-write\"`", "gateway.toml: 1 problem\n"]);
    }
}

#[test]
fn as_json_for_editors() {
    let toml = changed("\"127.0.0.1:8080\"", "8080");
    let checked = check_with(&toml, &["--format", "json"]).expect(1);
    let problems: Value = serde_json::from_str(&checked.stdout).expect("JSON on stdout");
    let (line, column) = position(&toml, "8080");
    let problem = &problems[0];
    assert_eq!(problems.as_array().map(Vec::len), Some(1), "{problems:#}");
    assert_eq!((&problem["line"], &problem["column"]), (&line.into(), &column.into()));
    assert_eq!(
        (&problem["end_line"], &problem["end_column"]),
        (&line.into(), &(column + 4).into())
    );
    assert_eq!(problem["severity"], "error");
    assert_eq!(problem["file"], "gateway.toml");
    assert!(!problem["message"].as_str().unwrap().is_empty());
    assert_eq!(checked.stderr, "", "nothing else for programs to skip");
}

#[test]
fn a_good_file_as_json_is_an_empty_list() {
    let checked = check_with(GOOD, &["--format", "json"]).expect(0);
    assert_eq!(checked.stdout.trim(), "[]");
}

#[test]
fn a_file_that_there_is_not() {
    let folder = TempDir::new().expect("a folder");
    let text = torana(folder.path(), &["check", "nothing.toml"]).expect(1).stderr;
    assert_says(&text, &["nothing.toml"]);
}

#[test]
fn what_a_reference_stands_for_is_never_shown() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("token.txt"), "s3cr3t value").expect("writing the secret");
    let reference = "{ file = \"token.txt\" }";
    let secrets = format!("[secrets]\ntoken = {reference}\nother = {{ env = \"NOT_SET_HERE\" }}\n");
    for (from, to) in [
        ("upstream = \"catalog\"", format!("upstream = {reference}")),
        ("\"127.0.0.1:8080\"", reference.to_owned()),
        ("\"127.0.0.1:9001\"", reference.to_owned()),
        ("\"/products/{id}\"", reference.to_owned()),
        ("\"{params.id}\"", "{ secret = \"token\" }".to_owned()),
    ] {
        let toml = changed(from, &to) + &secrets;
        fs::write(folder.path().join("gateway.toml"), toml).expect("writing the file");
        for format in ["text", "json"] {
            let arguments = ["check", "gateway.toml", "--format", format];
            let text = torana(folder.path(), &arguments).expect(1).text();
            assert_says(&text, &["NOT_SET_HERE"]);
            assert!(!text.contains("s3cr3t"), "{text}");
        }
    }
}

#[test]
fn logs_that_could_not_be_written_are_told_at_their_place() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("mine.log"), "mine\n").expect("writing the file");
    let running = paths::torana().display().to_string();
    let running = running.as_str();
    for (log, path, why) in [
        ("audit", "no/such/audit.log", "there is no folder "),
        ("audit", ".", "it is a folder"),
        ("audit", "mine.log", "it is no audit log"),
        ("audit", running, ""),
        ("access", "no/such/access.log", "there is no folder "),
        ("access", ".", "it is a folder"),
        // What runs is not written, by root neither.
        ("access", running, ""),
    ] {
        let toml = format!("{GOOD}\n[{log}_log]\npath = \"{path}\"\n");
        fs::write(folder.path().join("gateway.toml"), &toml).expect("writing the file");
        let said = torana(folder.path(), &["check", "gateway.toml"]).expect(1).stderr;
        let line = toml.lines().count();
        let place = format!("gateway.toml:{line}:8: error: the {log} log cannot be opened: {why}");
        assert!(said.contains(&place), "{place}\n{said}");
    }
    for log in ["access", "audit"] {
        let toml = format!("{GOOD}\n[{log}_log]\npath = \"{log}.log\"\n");
        fs::write(folder.path().join("gateway.toml"), &toml).expect("writing the file");
        torana(folder.path(), &["check", "gateway.toml"]).expect(0);
        assert!(!folder.path().join(format!("{log}.log")).exists(), "looking makes no file");
    }
}
