//! A gateway as a child process.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use command_fds::{CommandFdExt as _, FdMapping};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{Client, Footprint, Log, paths, patience::within};

/// A running gateway. It is killed when this is dropped; on a failure its log is printed first.
pub struct Gateway {
    child: Child,
    /// Those that took its place, one after the other.
    successors: Vec<Pid>,
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

    /// Sends SIGUSR2 and waits until another process serves in its place. From then on this is the
    /// new one.
    pub async fn hand_over(&mut self) {
        let from = self.log.len();
        self.signal(Signal::SIGUSR2);
        let is_it = |line: &str| line.contains("handed over to another process");
        let line = self.log.wait_from(from, "the hand-over", is_it).await;
        let pid = line.split("pid=").nth(1).and_then(|pid| pid.trim().parse().ok());
        self.successors.push(Pid::from_raw(pid.expect("a process id")));
    }

    /// Sends SIGTERM and waits for its end.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended().await
    }

    /// Waits until it has ended by itself, and all whose place it took. Gives the status of the first.
    pub async fn ended(&mut self) -> ExitStatus {
        self.log.wait_for_end().await;
        self.child.wait().expect("it was not waited for")
    }

    /// Its process id, for those who look at what it uses.
    pub fn pid(&self) -> Pid {
        self.successors.last().copied().unwrap_or(Pid::from_raw(self.child.id() as i32))
    }

    /// Whether a process is one of this gateway's, for ids are given out again.
    fn is_ours(&self, pid: &Pid) -> bool {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&*self.folder.path().to_string_lossy())
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
        for pid in self.successors.iter().filter(|pid| self.is_ours(pid)) {
            let _ = kill(*pid, Signal::SIGKILL);
        }
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
    shell: String,
    sockets: Vec<(String, TcpListener)>,
}

const CONFIGURATION: &str = "gateway.toml";

impl Setup {
    /// A configuration and nothing else.
    pub fn new(toml: &str) -> Self {
        Self {
            toml: toml.into(),
            files: vec![],
            environment: vec![],
            arguments: vec![],
            shell: String::new(),
            sockets: vec![],
        }
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

    /// With commands that a shell does first in the same process, like `ulimit -n 100`.
    pub fn shell(mut self, commands: &str) -> Self {
        self.shell.push_str(&format!("{commands}\n"));
        self
    }

    /// With a listening socket, as systemd passes it (sd_listen_fds(3)).
    pub fn socket(mut self, name: &str, socket: TcpListener) -> Self {
        self.sockets.push((name.into(), socket));
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
    pub fn spawn(mut self) -> Gateway {
        let folder = tempfile::tempdir().expect("a folder for the configuration");
        let write = |name: &str, content: &[u8]| {
            fs::write(folder.path().join(name), content).expect("writing the configuration");
        };
        write(CONFIGURATION, self.toml.as_bytes());
        self.files.iter().for_each(|(name, content)| write(name, content));
        let mut child = self.command(folder.path()).spawn().expect("starting the gateway");
        let log = Log::of("gateway's log", child.stderr.take().expect("a pipe"));
        let output = Log::of("gateway's output", child.stdout.take().expect("a pipe"));
        let (successors, addresses) = (vec![], BTreeMap::new());
        Gateway { child, successors, folder, log, output, addresses, start: None }
    }

    fn command(&mut self, folder: &Path) -> Command {
        self.pass_sockets();
        let mut command = match self.shell.is_empty() {
            true => Command::new(paths::torana()),
            false => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(format!("{}exec \"$0\" \"$@\"", self.shell));
                shell.arg(paths::torana());
                shell
            }
        };
        let fds = std::mem::take(&mut self.sockets).into_iter().map(|(_, socket)| socket.into());
        let mapping = |(child_fd, parent_fd)| FdMapping { parent_fd, child_fd };
        command
            .fd_mappings((3..).zip(fds).map(mapping).collect())
            .expect("each has a number of its own");
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

    /// Says that there are sockets. Only the process itself knows its number.
    fn pass_sockets(&mut self) {
        if self.sockets.is_empty() {
            return;
        }
        let names: Vec<_> = self.sockets.iter().map(|(name, _)| name.as_str()).collect();
        let (count, names) = (names.len(), names.join(":"));
        let variables = format!("LISTEN_PID=$$ LISTEN_FDS={count} LISTEN_FDNAMES={names}");
        self.shell.push_str(&format!("export {variables}\n"));
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
