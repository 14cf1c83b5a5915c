//! Commands that end by themselves.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{PATIENCE, paths, rest::peak_of};

/// What came of a command.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// The most memory that it held, as far as it was seen, bytes.
    pub peak: usize,
}

impl Ended {
    /// Fails, with all that it said, unless this is its exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// stdout and stderr together.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs `torana ARGUMENTS --components target/components` in a folder.
pub fn torana(folder: &Path, arguments: &[&str]) -> Ended {
    torana_with(folder, arguments, &[])
}

/// The same with environment variables.
pub fn torana_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut command = with(&paths::components(), folder, arguments);
    run(command.envs(environment.iter().copied()))
}

/// The same, with `FOLDER/components` as the bundled ones.
pub fn torana_of_its_own(folder: &Path, arguments: &[&str]) -> Ended {
    run(&mut with(&folder.join("components"), folder, arguments))
}

fn with(components: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(paths::torana());
    command.args(arguments).arg("--components").arg(components);
    command.current_dir(folder).env("NO_COLOR", "1");
    command
}

fn run(command: &mut Command) -> Ended {
    let pipes = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = pipes.spawn().expect("starting torana");
    let pid = child.id();
    let (done, wait) = mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    let (deadline, mut peak) = (Instant::now() + PATIENCE, 0);
    let output = loop {
        match wait.recv_timeout(Duration::from_millis(2)) {
            Ok(output) => break output,
            Err(_) => peak = peak_of(pid).unwrap_or(0).max(peak),
        }
        assert!(Instant::now() < deadline, "after {PATIENCE:?} still waiting for {command:?}");
    };
    let Output { status, stdout, stderr } = output.expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output in UTF-8");
    let code = status.code().unwrap_or_else(|| panic!("{command:?} ended by a signal: {status}"));
    Ended { code, stdout: text(stdout), stderr: text(stderr), peak }
}
