//! Where suites are, how their lists are read, and what becomes of their scores.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use torana_tests::paths;

/// A package of a suite, as `cargo xtask suites` unpacked it.
pub(crate) fn package(name_and_version: &str) -> PathBuf {
    let path = folder().join(name_and_version);
    assert!(path.exists(), "{} is missing: run `cargo xtask suites`", path.display());
    path
}

/// A suite's cases, one JSON object each, as the script `read/NAME` writes them: lists of others
/// come in formats that their own languages read best.
pub(crate) fn cases(script: &str, arguments: &[&Path]) -> Vec<Value> {
    let program = if script.ends_with(".py") { "python3" } else { "node" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites/read").join(script);
    let mut command = Command::new(program);
    command.arg(path).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    assert!(output.status.success(), "{script} failed ({}); it says above why", output.status);
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("an object a line")).collect()
}

/// A program that `cargo xtask suites` installed: of the suites' own Python, or of the system.
pub(crate) fn program(name: &str) -> Command {
    let of_python = folder().join("venv/bin").join(name);
    let mut command = Command::new("timeout");
    // Bounded, so that a gateway that keeps one waiting is a test that fails.
    command.args(["--kill-after=5", "120"]);
    command.arg(if of_python.exists() { of_python } else { name.into() });
    command.stdin(Stdio::null());
    command
}

/// A script of `read/`, for the Python that has the suites' packages.
pub(crate) fn script(name: &str) -> Command {
    let mut command = program("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites/read").join(name));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// What a program writes, whatever its exit code: beside the test, whose services must go on.
pub(crate) async fn output(mut command: Command) -> String {
    let run = move || {
        let output = command.output();
        output.unwrap_or_else(|error| panic!("{command:?}: {error}: run `cargo xtask suites`"))
    };
    let output = tokio::task::spawn_blocking(run).await.expect("it was run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_ne!(output.status.code(), Some(124), "it took too long: {}", text(&output.stdout));
    text(&output.stdout) + &text(&output.stderr)
}

/// The objects that a script writes, one a line.
pub(crate) async fn objects(command: Command) -> Vec<Value> {
    let written = output(command).await;
    let object = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{written}"));
    written.lines().map(object).collect()
}

/// A field that is text.
pub(crate) fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("no text `{field}` in {case}"))
}

/// A field that is bytes, in base64.
pub(crate) fn bytes(case: &Value, field: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text(case, field)).expect("base64")
}

/// What failed of a suite's cases.
pub(crate) struct Score {
    suite: &'static str,
    cases: usize,
    failed: Vec<String>,
}

impl Score {
    pub(crate) fn of(suite: &'static str) -> Self {
        Self { suite, cases: 0, failed: Vec::new() }
    }

    /// Counts a case. `outcome` says what is wrong with it.
    pub(crate) fn count(&mut self, name: &str, outcome: Result<(), String>) {
        self.cases += 1;
        if let Err(wrong) = outcome {
            self.failed.push(format!("{name}: {wrong}"));
        }
    }

    /// Fails unless there were this many cases, and at least so many of them passed. The score is
    /// kept before, for the table.
    #[track_caller]
    pub(crate) fn expect(self, cases: usize, passed: usize, remark: &str) {
        let score = self.cases - self.failed.len();
        let row = format!("{:<28} {score:>5} of {:<5} {remark}", self.suite, self.cases);
        println!("{row}\n{}", self.failed.join("\n"));
        keep(self.suite, row.trim_end());
        assert_eq!(self.cases, cases, "cases of the suite: it is not the version that was scored");
        assert!(score >= passed, "{score} passed, {passed} did before");
    }
}

/// `cargo xtask suites` shows these together at its end.
fn keep(suite: &str, row: &str) {
    let folder = folder().join("scores");
    fs::create_dir_all(&folder).expect("a folder for scores");
    fs::write(folder.join(suite.replace('/', " ")), row).expect("writing the score");
}

fn folder() -> PathBuf {
    paths::components().with_file_name("suites")
}
