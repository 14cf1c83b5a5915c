//! A child process whose output goes to a file, and which never outlives the demo.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long a process may take to start.
const START: Duration = Duration::from_secs(30);
/// How long one that was asked to stop may take. The gateway lets running requests finish.
const STOP: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(50);

/// How a process is asked to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopBy {
    /// Its stdin closes.
    ClosingStdin,
    /// SIGTERM.
    Signal,
}

/// A running child process.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    stop_by: StopBy,
}

impl Process {
    /// Starts `command`; its stdout and stderr go to `log`.
    pub(crate) fn start(
        name: &str,
        command: &mut Command,
        log: PathBuf,
        stop_by: StopBy,
    ) -> Result<Self> {
        let file = create(&log).with_context(|| format!("creating {}", log.display()))?;
        let stdin = if stop_by == StopBy::ClosingStdin { Stdio::piped() } else { Stdio::null() };
        let child = command
            .stdin(stdin)
            .stdout(file.try_clone()?)
            .stderr(file)
            // Ctrl-C goes to the terminal's foreground group. Outside of it the child is stopped by
            // us alone, in our order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { name: name.into(), child, log, stop_by })
    }

    /// Waits until `is_ready`, asked again and again. A process that ends or takes too long is an
    /// error that shows what it said.
    pub(crate) fn wait_until(&mut self, mut is_ready: impl FnMut(&str) -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            // In this order: whatever answers after the process has ended is not this process.
            let ended = self.child.try_wait()?;
            if let Some(status) = ended {
                bail!("{} ended before it was ready ({status}); {}", self.name, self.said());
            }
            if is_ready(&self.output()) {
                return Ok(());
            }
            if start.elapsed() > START {
                bail!("{} is not ready after {} s; {}", self.name, START.as_secs(), self.said());
            }
            thread::sleep(POLL);
        }
    }

    /// Fails if the process has ended.
    pub(crate) fn expect_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended by itself ({status}); {}", self.name, self.said()),
            None => Ok(()),
        }
    }

    /// Its number, for those who look at what it uses.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    fn output(&self) -> String {
        fs::read(&self.log)
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// The end of the log, for an error message.
    fn said(&self) -> String {
        const LINES: usize = 20;
        let output = self.output();
        let lines: Vec<_> = output.lines().collect();
        let last = &lines[lines.len().saturating_sub(LINES)..];
        match last {
            [] => "it said nothing".into(),
            _ => format!("it said:\n  | {}", last.join("\n  | ")),
        }
    }

    fn ask_to_stop(&mut self) {
        // A process that has ended by itself is as good as stopped, hence the ignored error.
        match self.stop_by {
            StopBy::ClosingStdin => drop(self.child.stdin.take()),
            StopBy::Signal => drop(kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM)),
        }
    }

    fn has_ended(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < STOP {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(POLL);
        }
        false
    }
}

/// Stops the process, in every way out of the demo: asks, waits, and does not ask again.
impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.ask_to_stop();
        if !self.has_ended() {
            eprintln!("{} did not stop within {} s: killed", self.name, STOP.as_secs());
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn create(log: &Path) -> std::io::Result<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, log: &str, stop_by: StopBy) -> Process {
        let log = std::env::temp_dir().join(format!("torana-{}-{log}", std::process::id()));
        Process::start("it", Command::new("sh").args(["-c", script]), log, stop_by).unwrap()
    }

    fn is_ready(output: &str) -> bool {
        output.lines().any(|line| line == "ready")
    }

    #[test]
    fn a_process_is_awaited_and_stops_with_its_stdin() {
        let mut process = sh("echo ready; read line; echo bye", "stdin", StopBy::ClosingStdin);
        process.wait_until(is_ready).unwrap();
        process.expect_alive().unwrap();
        let log = process.log().to_path_buf();
        drop(process);
        assert_eq!(fs::read_to_string(&log).unwrap(), "ready\nbye\n");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_process_is_asked_by_signal() {
        let mut process = sh(
            "trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.01; done",
            "signal",
            StopBy::Signal,
        );
        process.wait_until(is_ready).unwrap();
        let log = process.log().to_path_buf();
        drop(process);
        assert_eq!(fs::read_to_string(&log).unwrap(), "ready\nbye\n");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn one_that_ends_early_is_quoted() {
        let mut process = sh("echo 'no such port' >&2; exit 3", "early", StopBy::Signal);
        let error = process.wait_until(is_ready).unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.contains("no such port"), "{error}");
        fs::remove_file(process.log()).unwrap();
    }
}
