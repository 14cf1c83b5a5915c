//! What commands print, where somebody reads only a part of it, or there is no room for it.

use std::{
    fs::OpenOptions,
    io::pipe,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;
use torana_tests::paths;

/// A pipe whose reader has left: `torana ... | head` when `head` has seen enough.
fn left() -> Stdio {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn ended(arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Output {
    let mut command = Command::new(paths::torana());
    command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    command.spawn().expect("starting torana").wait_with_output().expect("its output")
}

#[test]
fn a_reader_that_leaves_early_is_no_mistake() {
    for arguments in [&["schema"][..], &["secret", "new"]] {
        let Output { status, stderr, .. } = ended(arguments, left(), Stdio::piped());
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!((status.code(), said.contains("panicked")), (Some(0), false), "{said}");
    }
}

#[test]
fn a_problem_is_one_though_nobody_reads_of_it() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, "[listen]\nwrong = 1\n").expect("writing the file");
    let file = file.to_str().expect("a path in UTF-8");
    assert_eq!(ended(&["check", file], Stdio::piped(), left()).status.code(), Some(1));
}

#[test]
fn what_finds_no_room_is_a_failure() {
    let full = OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let Output { status, stderr, .. } = ended(&["schema"], full.into(), Stdio::piped());
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.starts_with("torana: standard output: ") && said.lines().count() == 1, "{said}");
}

#[test]
fn what_is_no_level_of_the_log_is_refused_and_not_obeyed() {
    let run = |log: &[&str], variable: Option<&str>| {
        let mut command = Command::new(paths::torana());
        command.args(["run", "/nowhere/gateway.toml"]).args(log);
        command.envs(variable.map(|value| ("TORANA_LOG", value)));
        let Output { stderr, .. } = command.output().expect("starting torana");
        String::from_utf8(stderr).expect("text")
    };
    for word in ["warning", "inof", "torana=loud", ""] {
        let said = run(&["--log", word], None);
        assert!(
            said.starts_with("torana: --log: ") && said.contains("error, warn, info"),
            "{said}"
        );
    }
    let said = run(&[], Some("warning"));
    assert!(said.starts_with("torana: TORANA_LOG: `warning` is no level"), "{said}");
    for (log, variable) in [("WARN", None), ("info,torana::proxy=debug", None), ("warn", Some(""))]
    {
        let said = run(&["--log", log], variable);
        assert!(said.contains("/nowhere/gateway.toml"), "{log}: {said}");
    }
}
