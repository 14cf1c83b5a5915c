//! A Redis as a child process: the real `redis-server`.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering::Relaxed},
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{Authority, Log};

/// A running server, which keeps nothing on disk. It is killed when this is dropped.
pub struct RedisServer {
    child: Child,
    log: Log,
    folder: TempDir,
    address: SocketAddr,
    arguments: Vec<String>,
    tls: bool,
}

impl RedisServer {
    /// One that lets everybody in.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One with more arguments, such as `["--requirepass", "secret"]`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self::run(tempfile::tempdir().expect("a folder"), own_address(), arguments, false).await
    }

    /// One that speaks TLS alone, with a certificate of this authority for its address.
    pub async fn start_with_tls(authority: &Authority) -> Self {
        let address = own_address();
        let identity = authority.issue(&[&address.ip().to_string()]);
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("writing a PEM file");
            path.display().to_string()
        };
        let cert = write("cert.pem", &identity.cert);
        let key = write("key.pem", &identity.key);
        let arguments =
            ["--tls-auth-clients", "no", "--tls-cert-file", &cert, "--tls-key-file", &key];
        let arguments = arguments.map(str::to_owned).to_vec();
        Self::run(folder, address, arguments, true).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        format!("{scheme}://{}", self.address())
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        // The child was not waited for, or it is remembered that it was: the id is its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again after [`kill`](Self::kill), at the same address and with nothing in it.
    pub async fn restart(&mut self) {
        (self.child, self.log) = spawn(&self.folder, self.address, self.tls, &self.arguments);
        self.ready().await;
    }

    /// Leaves its connections open and answers nothing, until [`wake`](Self::wake).
    pub fn freeze(&self) {
        kill(self.pid(), Signal::SIGSTOP).expect("it is there");
    }

    /// Goes on.
    pub fn wake(&self) {
        kill(self.pid(), Signal::SIGCONT).expect("it is there");
    }

    /// What `redis-cli` prints for a command.
    pub fn ask(&self, command: &[&str]) -> String {
        let (host, port) = (self.address.ip().to_string(), self.address.port().to_string());
        let mut client = Command::new("redis-cli");
        let output = client.args(["-h", &host, "-p", &port]).args(command).output();
        let output = output.expect("starting redis-cli");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    async fn run(folder: TempDir, address: SocketAddr, arguments: Vec<String>, tls: bool) -> Self {
        let (child, log) = spawn(&folder, address, tls, &arguments);
        let server = Self { child, log, folder, address, arguments, tls };
        server.ready().await;
        server
    }

    async fn ready(&self) {
        self.log.wait("`Ready to accept connections`", |line| line.contains("Ready to acc")).await;
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("{}", self.log.quote());
        }
    }
}

fn spawn(folder: &TempDir, address: SocketAddr, tls: bool, arguments: &[String]) -> (Child, Log) {
    let (plain, encrypted) = if tls { (0, address.port()) } else { (address.port(), 0) };
    let mut command = Command::new("redis-server");
    command.args(["--bind", &address.ip().to_string(), "--save", "", "--appendonly", "no"]);
    command.args(["--port", &plain.to_string(), "--tls-port", &encrypted.to_string()]);
    command.arg("--dir").arg(folder.path()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap_or_else(|why| {
        panic!("starting redis-server: {why}; Debian has it in the package `redis-server`")
    });
    let log = Log::of("Redis's log", child.stdout.take().expect("a pipe"));
    (child, log)
}

/// An address that no other test has, and that stays free while its server is down.
///
/// A server cannot be told to choose a port, and a port of 127.0.0.1 that was free a moment ago may
/// be another test's by now. All of 127.0.0.0/8 is this machine (RFC 1122, 3.2.1.3), so each process
/// has an address of its own there, made of its id, which is below 2^22 on Linux; what connects does
/// so from 127.0.0.1, and takes no port of it.
fn own_address() -> SocketAddr {
    // Not Redis's own: somebody may have one on all addresses.
    static NEXT_PORT: AtomicU16 = AtomicU16::new(26_390);
    let [_, high, middle, low] = process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, high | 0x80, middle, low);
    SocketAddr::from((ip, NEXT_PORT.fetch_add(1, Relaxed)))
}
