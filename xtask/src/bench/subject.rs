//! One gateway at a time, alone on its core; and the service behind all of them.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    install::Peers,
    load::Over,
    scenario::{Entry, Scenario},
};
use crate::{
    demo::process::{Process, StopBy},
    project::Project,
};

/// Where the subject runs, and where all the rest does.
const CORE: &str = "0";
const OTHER_CORE: &str = "1";

/// What the service answers at /thing: a hundred bytes.
pub(super) const THING: &str = concat!(
    r#"{"id":"7f3c2a10","name":"Walnut desk","price":{"amount":"349.00","currency":"EUR"},"stock":12,"#,
    r#""ok":1}"#
);

/// The service: nginx, which answers from memory and files.
pub(super) struct Backend {
    port: u16,
    _process: Process,
}

impl Backend {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let folder = folder.join("backend");
        fs::create_dir_all(folder.join("files"))?;
        for (name, bytes) in [("1m", 1 << 20), ("100m", 100 << 20)] {
            fs::write(folder.join("files").join(name), vec![b'a'; bytes])?;
        }
        let port = free_port()?;
        let text = include_str!("../../../benches/peers/backend.conf")
            .replace("{port}", &port.to_string())
            .replace("{thing}", THING)
            .replace("{dir}", &folder.display().to_string());
        let config = folder.join("nginx.conf");
        fs::write(&config, text)?;
        let mut command = pinned(OTHER_CORE, Path::new("/usr/sbin/nginx"));
        command.arg("-c").arg(&config);
        let mut process =
            Process::start("backend", &mut command, folder.join("log"), StopBy::Signal)?;
        process.wait_until(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        Ok(Self { port, _process: process })
    }
}

/// A gateway that runs.
pub(super) struct Subject {
    process: Process,
    port: u16,
    folder: PathBuf,
    token: String,
}

impl Subject {
    /// Starts it with its configuration of this scenario, and waits until it answers.
    pub(super) fn start(
        project: &Project,
        peers: &Peers,
        backend: &Backend,
        scenario: &Scenario,
        entry: &Entry,
    ) -> Result<Self> {
        let folder = peers.folder.join(scenario.name).join(entry.name.replace(' ', "-"));
        fs::create_dir_all(&folder)?;
        let (port, admin) = (free_port()?, free_port()?);
        let identity = super::scenario::identity(&peers.folder)?;
        let filled = |text: &str| {
            text.replace("{port}", &port.to_string())
                .replace("{admin}", &admin.to_string())
                .replace("{backend}", &backend.port.to_string())
                .replace("{dir}", &folder.display().to_string())
                .replace("{cert}", &identity.cert.display().to_string())
                .replace("{key}", &identity.key.display().to_string())
                .replace("{jwks}", &format!(r#"{{"keys":[{}]}}"#, identity.jwk))
                .replace("{jwk}", &identity.jwk)
        };
        let config = folder.join(entry.program.config_name());
        fs::write(&config, filled(&(entry.config)()))?;
        let program = match entry.program {
            Program::Torana => project.binary("torana"),
            other => peers.program(other.name()),
        };
        let mut command = pinned(CORE, &program);
        command.args(entry.program.arguments(&config, port));
        command.current_dir(&folder).env("GOMAXPROCS", "1").env("HOME", &folder);
        command.env("TORANA_LOG", "warn");
        let log = folder.join("log");
        let mut process = Process::start(entry.name, &mut command, log, StopBy::Signal)?;
        process.wait_until(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        Ok(Self { process, port, folder, token: identity.token })
    }

    /// Asks once, and looks whether it is the answer; and that the service sees who asked.
    pub(super) fn check(&self, scenario: &Scenario) -> Result<()> {
        // Some listen before they know their routes.
        let mut last = String::new();
        for _ in 0..50 {
            last = self.ask(scenario, scenario.load.paths[0])?;
            if last.contains("200") && last.contains(scenario.expects) {
                if scenario.load.over == Over::Http1 {
                    let seen = self.ask(scenario, "/seen")?;
                    // Which of this machine's addresses it is, they do not agree on.
                    let forwarded = seen.split("forwarded-for=").nth(1).unwrap_or_default();
                    let there = forwarded.starts_with(|first: char| first.is_ascii_digit());
                    ensure!(there, "no X-Forwarded-For: {seen}");
                }
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("a wrong answer:\n{}", last.chars().take(2_000).collect::<String>())
    }

    fn ask(&self, scenario: &Scenario, path: &str) -> Result<String> {
        let scheme = if scenario.load.over == Over::Http1 { "http" } else { "https" };
        let mut command = Command::new("curl");
        command.args(["--silent", "--insecure", "--include", "--max-time", "20"]);
        if matches!(scenario.load.over, Over::H2(_)) {
            command.arg("--http2");
        }
        for (name, value) in scenario.load.headers {
            command.args(["-H", &format!("{name}: {}", value.replace("{token}", &self.token))]);
        }
        if let Some(bytes) = scenario.load.upload {
            command.args(["--data-binary", "@-"]);
            command.arg(format!("{scheme}://127.0.0.1:{}{path}", self.port));
            return with_input(&mut command, &vec![b'a'; bytes]);
        }
        command.arg(format!("{scheme}://127.0.0.1:{}{path}", self.port));
        with_input(&mut command, b"")
    }

    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// A program beside the subject's core.
    pub(super) fn on_the_other_core(&self, program: &str) -> Command {
        pinned(OTHER_CORE, Path::new(program))
    }
}

/// A gateway's program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Torana,
    Nginx,
    Haproxy,
    Envoy,
    Traefik,
    Caddy,
}

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Torana => "torana",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
        }
    }

    fn config_name(self) -> &'static str {
        match self {
            Self::Torana => "gateway.toml",
            Self::Nginx => "nginx.conf",
            Self::Haproxy => "haproxy.cfg",
            Self::Envoy => "envoy.yaml",
            Self::Traefik => "routes.yaml",
            Self::Caddy => "Caddyfile",
        }
    }

    fn arguments(self, config: &Path, port: u16) -> Vec<String> {
        let config = config.display().to_string();
        let words: &[&str] = match self {
            Self::Torana => &["run", &config],
            Self::Nginx => &["-c", &config],
            Self::Haproxy => &["-f", &config],
            Self::Envoy => &[
                "-c",
                &config,
                "--concurrency",
                "1",
                "--log-level",
                "error",
                "--disable-hot-restart",
            ],
            Self::Traefik => &[
                &format!("--entrypoints.web.address=127.0.0.1:{port}"),
                &format!("--providers.file.filename={config}"),
                "--log.level=ERROR",
                "--global.checknewversion=false",
                "--global.sendanonymoususage=false",
            ],
            Self::Caddy => &["run", "--config", &config, "--adapter", "caddyfile"],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}

fn pinned(core: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program);
    command
}

fn with_input(command: &mut Command, input: &[u8]) -> Result<String> {
    use std::process::Stdio;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().context("starting curl")?;
    let mut stdin = child.stdin.take().context("curl's stdin")?;
    let mut stdout = child.stdout.take().context("curl's stdout")?;
    stdin.write_all(input)?;
    drop(stdin);
    let mut said = Vec::new();
    // What a download has for a body is no text that anybody reads.
    stdout.by_ref().take(64 << 10).read_to_end(&mut said)?;
    drop(stdout);
    child.wait()?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn free_port() -> Result<u16> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port")?;
    Ok(socket.local_addr()?.port())
}
