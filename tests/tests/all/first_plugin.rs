//! What docs/plugins.md lets a newcomer type: every command is run as it stands there, and says what is shown.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use torana_tests::{Gateway, Setup, paths};

/// The commands of the first part, each with what it shows.
fn commands(guide: &str) -> Vec<(&str, &str)> {
    let part = guide.split("\n## ").nth(1).expect("a first part");
    let blocks = part.split("```console\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").expect("the end of a block").0);
    blocks
        .flat_map(|block| block.split("$ ").skip(1))
        .map(|command| command.split_once('\n').expect("a line for the command"))
        .collect()
}

/// Whether all that is shown was said, in this order. A line of dots stands for anything.
fn assert_says(said: &str, shown: &str, line: &str) {
    let mut rest = said;
    for part in shown.split("...\n").map(str::trim_end) {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{line} does not say\n{part}\nbut\n{said}"));
        rest = &rest[at + part.len()..];
    }
}

/// Somebody at a terminal.
struct Newcomer {
    folder: PathBuf,
    gateway: Option<Gateway>,
}

impl Newcomer {
    async fn types(&mut self, line: &str) -> String {
        if let Some(folder) = line.strip_prefix("cd ") {
            self.folder.push(folder);
            return String::new();
        }
        if line == "torana run gateway.toml" {
            self.gateway = Some(self.runs().await);
            return String::new();
        }
        match &self.gateway {
            Some(gateway) => {
                let address = gateway.address("public").to_string();
                self.shell(&line.replace("localhost:8080", &address))
            }
            None => self.shell(line),
        }
    }

    /// The gateway of the folder, on a port that is free.
    async fn runs(&self) -> Gateway {
        let toml = fs::read_to_string(self.folder.join("gateway.toml")).expect("gateway.toml");
        let component = self.folder.join("tenant-check.wasm");
        let toml = toml
            .replace("127.0.0.1:8080", "127.0.0.1:0")
            .replace("tenant-check.wasm", component.to_str().expect("UTF-8"));
        Setup::new(&toml).start().await
    }

    fn shell(&self, line: &str) -> String {
        let torana = paths::torana();
        let release = torana.parent().expect("a folder");
        // What a newcomer has to compile once was compiled for the plugins here.
        let kind = if line.starts_with("cargo") { "guests-native" } else { "guests" };
        let target = release.parent().expect("a folder").join(kind);
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(&self.folder).stdin(Stdio::null());
        shell.env("PATH", format!("{}:{path}", release.display()));
        shell.env("CARGO_TARGET_DIR", target).env("NO_COLOR", "1");
        let output = shell.output().expect("a shell");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).expect("UTF-8");
        assert!(output.status.success(), "{line} failed:\n{text}");
        text
    }

    /// A gateway takes a new component when it has seen it: that is waited for.
    async fn waits_for_the_new_one(&self) {
        if let Some(gateway) = &self.gateway {
            gateway.wait_for_log("the new component", |line| line.contains("reloaded")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_comes_from_nothing_to_a_plugin_that_serves() {
    let guide = fs::read_to_string(paths::root().join("docs/plugins.md")).expect("the guide");
    let folder = tempfile::tempdir().expect("a folder");
    let mut newcomer = Newcomer { folder: folder.path().into(), gateway: None };
    let commands = commands(&guide);
    assert!(commands.len() > 8, "{commands:?}");
    for (line, shown) in commands {
        let said = newcomer.types(line).await;
        assert_says(&said, shown, line);
        if line == "torana plugin build" {
            newcomer.waits_for_the_new_one().await;
        }
    }
    assert!(newcomer.gateway.is_some() && is_built(&newcomer.folder));
}

fn is_built(folder: &Path) -> bool {
    folder.ends_with("tenant-check") && folder.join("tenant-check.wasm").is_file()
}
