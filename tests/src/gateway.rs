//! A gateway as a child process.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{Client, Footprint, Log, paths, patience::within};

/// A running gateway. It is killed when this is dropped; on a failure its log is printed first.
pub struct Gateway {
    child: Child,
    folder: TempDir,
    log: Log,
    output: Log,
    addresses: BTreeMap<String, SocketAddr>,
    /// When it was ready.
    start: Option<Footprint>,
}

impl Gateway {
    /// Starts a gateway and waits until it is ready. Its addresses should have port 0: see
    /// [`address`](Self::address).
    pub async fn start(toml: &str) -> Self {
        Setup::new(toml).start().await
    }

    /// Where a listener listens, by its name; `admin` for the admin listener.
    pub fn address(&self, listener: &str) -> SocketAddr {
        *self.addresses.get(listener).unwrap_or_else(|| panic!("no listener `{listener}`"))
    }

    /// A client of the listener `public`.
    pub fn client(&self) -> Client {
        Client::new(self.address("public"))
    }

    /// A client of the admin listener.
    pub fn admin(&self) -> Client {
        Client::new(self.address("admin"))
    }

    /// What it writes to stderr.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What it writes to stdout.
    pub fn output(&self) -> &Log {
        &self.output
    }

    /// The first line of the log that is `wanted`, there already or still to come. `what` says
    /// what it is, for the text of the failure.
    pub async fn wait_for_log(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.log.wait(what, wanted).await
    }

    /// A file in the folder of its configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a new configuration; [`signal_reload`](Self::signal_reload) makes it count.
    pub fn write(&self, toml: &str) {
        fs::write(self.path(CONFIGURATION), toml).expect("writing the configuration");
    }

    /// Sends SIGHUP.
    pub fn signal_reload(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// Sends any signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the gateway is there");
    }

    /// Sends SIGTERM and waits for its end.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended().await
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.log.wait_for_end().await;
        self.child.wait().expect("it was not waited for")
    }

    /// Its process id, for those who look at what it uses.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    async fn wait_until_ready(&mut self, listeners: Vec<String>) {
        for name in listeners {
            let is_it = |line: &str| listening(line).is_some_and(|(found, _)| found == name);
            let line = self.log.wait(&format!("`listening listener={name}`"), is_it).await;
            let (_, address) = listening(&line).expect("it was found by that");
            self.addresses.insert(name, address);
        }
        if self.addresses.contains_key("admin") {
            let admin = self.admin();
            // It is bound already, so the question waits in the kernel until somebody answers.
            let answer = within("an answer of `/readyz`", admin.get("/readyz")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        self.start = Some(self.footprint());
    }

    /// What it held when it was ready.
    pub(crate) fn start_footprint(&self) -> Footprint {
        self.start.expect("it was waited for")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // The child was not waited for, or it is remembered that it was: the id is its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("{}\n{}", self.log.quote(), self.output.quote());
        }
    }
}

/// What a gateway is started with.
pub struct Setup {
    toml: String,
    files: Vec<(String, Vec<u8>)>,
    environment: Vec<(OsString, OsString)>,
    arguments: Vec<OsString>,
}

const CONFIGURATION: &str = "gateway.toml";

impl Setup {
    /// A configuration and nothing else.
    pub fn new(toml: &str) -> Self {
        Self { toml: toml.into(), files: vec![], environment: vec![], arguments: vec![] }
    }

    /// With a file beside the configuration.
    pub fn file(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.push((name.into(), content.as_ref().into()));
        self
    }

    /// With an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// With another argument of `torana run`.
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Gateway {
        let listeners = crate::toml::listeners(&self.toml);
        let mut gateway = self.spawn();
        gateway.wait_until_ready(listeners).await;
        gateway
    }

    /// Starts it and does not wait: for those that end soon.
    pub fn spawn(self) -> Gateway {
        let folder = tempfile::tempdir().expect("a folder for the configuration");
        let write = |name: &str, content: &[u8]| {
            fs::write(folder.path().join(name), content).expect("writing the configuration");
        };
        write(CONFIGURATION, self.toml.as_bytes());
        self.files.iter().for_each(|(name, content)| write(name, content));
        let mut child = self.command(folder.path()).spawn().expect("starting the gateway");
        let log = Log::of("gateway's log", child.stderr.take().expect("a pipe"));
        let output = Log::of("gateway's output", child.stdout.take().expect("a pipe"));
        Gateway { child, folder, log, output, addresses: BTreeMap::new(), start: None }
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(paths::torana());
        command
            .arg("run")
            .arg(folder.join(CONFIGURATION))
            .arg("--components")
            .arg(paths::components())
            .args(&self.arguments)
            .env("NO_COLOR", "1")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Reads `... listening listener=public address=127.0.0.1:41234`, quoted or not, or the same as a
/// JSON object.
fn listening(line: &str) -> Option<(String, SocketAddr)> {
    let field = |name: &str| {
        let rest = &line[line.find(name)? + name.len()..];
        let value = rest.trim_start_matches(['"', ':', '=', ' ']);
        Some(&value[..value.find(['"', ' ', ',', '}']).unwrap_or(value.len())])
    };
    line.contains("listening").then_some(())?;
    Some((field("listener")?.into(), field("address")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_text_and_from_json() {
        let found = Some(("public".into(), "127.0.0.1:41234".parse().unwrap()));
        for line in [
            "listening listener=public address=127.0.0.1:41234",
            r#"2026-11-24T18:00:00Z  INFO torana: listening listener="public" address=127.0.0.1:41234 tls=false"#,
            r#"{"level":"INFO","message":"listening","listener":"public","address":"127.0.0.1:41234"}"#,
            r#"{"fields":{"message":"listening","address":"127.0.0.1:41234","listener":"public"}}"#,
        ] {
            assert_eq!(listening(line), found, "{line}");
        }
        assert_eq!(listening("not listening yet"), None);
        assert_eq!(listening("address=127.0.0.1:1 listener=public"), None);
    }
}
