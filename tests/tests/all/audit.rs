//! `torana audit`: what it finds, in its three forms. The reports are kept beside the configuration;
//! `BLESS=1` writes them anew: read the difference before it is committed.

use std::{fs, path::PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use tempfile::TempDir;
use torana_tests::{
    command::{Ended, torana_with},
    paths,
};

const GUESTS: [&str; 3] = ["attribute-setter", "body-upper", "fetcher"];

fn kept(name: &str) -> PathBuf {
    paths::root().join("tests/tests/all/audit").join(name)
}

/// The configuration and its components in a folder.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for guest in GUESTS {
        fs::copy(paths::guest(guest), folder.path().join(format!("{guest}.wasm"))).expect("a copy");
    }
    let toml = fs::read_to_string(kept("gateway.toml")).expect("the configuration");
    let toml = toml.replace("DIGEST", &sha256("body-upper"));
    fs::write(folder.path().join("gateway.toml"), toml).expect("writing the configuration");
    folder
}

fn sha256(guest: &str) -> String {
    let bytes = fs::read(paths::guest(guest)).expect("a component");
    digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn audit(folder: &TempDir, arguments: &[&str]) -> Ended {
    let arguments = [&["audit", "gateway.toml"], arguments].concat();
    torana_with(folder.path(), &arguments, &[("ADMIN", "correct-horse-battery-staple")])
}

/// A report without what another build of a component changes.
fn settled(report: &str) -> String {
    let mut settled = report.to_owned();
    for guest in GUESTS {
        let size = fs::metadata(paths::guest(guest)).expect("a component").len();
        settled = settled
            .replace(&sha256(guest), &format!("SHA256-OF-{guest}"))
            .replace(&format!("{guest}.wasm, {size} bytes"), &format!("{guest}.wasm, SIZE bytes"))
            .replace(&format!("\"size\": {size},"), "\"size\": 0,");
    }
    settled
}

#[test]
fn the_reports_are_those_that_are_kept() {
    let folder = folder();
    for format in ["text", "json", "html"] {
        let report = audit(&folder, &["--format", format]).expect(0).stdout;
        assert!(!report.contains("correct-horse"), "a report shows a secret");
        let report = settled(&report);
        let kept = kept(&format!("report.{format}"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(kept, report).expect("writing the report");
            continue;
        }
        let expected = fs::read_to_string(kept).expect("a kept report");
        assert_eq!(report, expected, "{format}");
    }
}

#[test]
fn a_finding_fails_the_command_if_that_is_asked_for() {
    let folder = folder();
    audit(&folder, &[]).expect(0);
    audit(&folder, &["--fail-on", "high"]).expect(1);
    let harmless = "[listen.public]\naddress = \"0.0.0.0:8080\"\n\
                    [[routes]]\nname = \"a\"\nmatch = { path = \"/\" }\npublic = true\n\
                    reply = { status = 204 }\n";
    fs::write(folder.path().join("gateway.toml"), harmless).expect("writing");
    audit(&folder, &["--fail-on", "high"]).expect(0);
    audit(&folder, &["--fail-on", "medium"]).expect(1);
    audit(&folder, &["--fail-on", "low"]).expect(1);
}

#[test]
fn a_lock_pins_what_the_configuration_does_not() {
    let folder = folder();
    let pinned = |folder: &TempDir| {
        let report = audit(folder, &["--format", "json"]).expect(0).stdout;
        let report: Value = serde_json::from_str(&report).expect("JSON");
        let plugins = report["plugins"].as_array().expect("plugins").clone();
        let of = |p: &Value| p["pinned_by"].as_str().expect("a text").to_owned();
        plugins.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(pinned(&folder), ["nothing", "configuration", "nothing"]);
    let admin = [("ADMIN", "correct-horse-battery-staple")];
    torana_with(folder.path(), &["lock", "gateway.toml"], &admin).expect(0);
    assert_eq!(pinned(&folder), ["torana.lock", "configuration", "torana.lock"]);
}

#[test]
fn what_check_refuses_has_no_report() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("gateway.toml"), "[listen.public]\n").expect("writing");
    let ended = audit(&folder, &[]).expect(1);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("gateway.toml:1:"), "{}", ended.stderr);
}
