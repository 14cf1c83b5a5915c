//! One gateway at a time, alone on its core.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    Rig,
    filters::{TRAEFIK_MODULE, lay_out_for_traefik},
    identity::Identity,
    load::Over,
    scenario::{Entry, Scenario},
};
use crate::demo::process::{Process, StopBy};

/// Where the subject runs, and where all the rest does.
const CORE: usize = 0;
pub(super) const OTHER_CORE: usize = 1;

/// A gateway's folder, with its configuration.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) config: PathBuf,
    pub(super) port: u16,
    pub(super) admin: u16,
    pub(super) identity: Rc<Identity>,
}

impl Place {
    /// Writes the configuration, with what it needs filled in.
    pub(super) fn lay_out(rig: &Rig, scenario: &str, entry: &Entry) -> Result<Self> {
        let name = entry.name.replace([' ', ','], "-");
        let folder = rig.peers.folder.join(scenario).join(name);
        fs::create_dir_all(&folder)?;
        let config = folder.join(entry.program.config_name());
        let (port, admin) = (free_port()?, free_port()?);
        let identity = Rc::clone(&rig.identity);
        let text = identity
            .fill(&(entry.config)())
            .replace("{port}", &port.to_string())
            .replace("{admin}", &admin.to_string())
            .replace("{backend}", &rig.backend.port.to_string())
            .replace("{dir}", &folder.display().to_string());
        let module = format!("{}.wasm", entry.filter.unwrap_or_default());
        let module = rig.peers.folder.join("filters").join(module);
        fs::write(&config, text.replace("{filter}", &module.display().to_string()))?;
        if entry.filter.is_some() && entry.program == Program::Traefik {
            lay_out_for_traefik(rig.project, &module, &folder)?;
        }
        Ok(Self { folder, config, port, admin, identity })
    }
}

/// A gateway that runs.
pub(super) struct Subject {
    process: Process,
    place: Place,
    /// Where all the rest runs meanwhile.
    others: String,
}

impl Subject {
    /// Starts it with its configuration of this scenario, and waits until it answers.
    pub(super) fn start(rig: &Rig, scenario: &str, entry: &Entry) -> Result<Self> {
        let place = Place::lay_out(rig, scenario, entry)?;
        let program = match entry.program {
            Program::Torana => rig.torana.clone(),
            other => rig.peers.program(other.name()),
        };
        let (mine, others) = cores(entry.cores);
        let mut command = pinned(&mine, &program);
        command.args(entry.program.arguments(&place.config, place.port));
        if entry.filter.is_some() && entry.program == Program::Traefik {
            let plugin = format!("--experimental.localPlugins.header.moduleName={TRAEFIK_MODULE}");
            command.arg(plugin);
        }
        command.current_dir(&place.folder).env("GOMAXPROCS", entry.cores.to_string());
        command.env("HOME", &place.folder).env("TORANA_LOG", "warn");
        let log = place.folder.join("log");
        let mut process = Process::start(entry.name, &mut command, log, StopBy::Signal)?;
        process.wait_until(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, place.port)).is_ok())?;
        Ok(Self { process, place, others })
    }

    /// Asks once, and looks whether it is the answer; and that the service sees who asked.
    pub(super) fn check(&self, scenario: &Scenario, entry: &Entry) -> Result<()> {
        let mut last = String::new();
        for _ in 0..50 {
            last = self.ask(scenario, scenario.load.paths[0])?;
            let is_clean = scenario.lacks.is_none_or(|text| !last.contains(text));
            if last.contains("200") && last.contains(scenario.expects) && is_clean {
                if matches!(scenario.load.over, Over::Http1 | Over::Paced(_)) {
                    let seen = self.ask(scenario, "/seen")?;
                    // Which of this machine's addresses it is, they do not agree on.
                    let forwarded = seen.split("forwarded-for=").nth(1).unwrap_or_default();
                    let there = forwarded.starts_with(|first: char| first.is_ascii_digit());
                    ensure!(there, "no X-Forwarded-For: {seen}");
                    let marked = seen.contains("checked=yes");
                    ensure!(marked == entry.marks(), "x-checked: {seen}");
                }
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("a wrong answer:\n{}", last.chars().take(2_000).collect::<String>())
    }

    fn ask(&self, scenario: &Scenario, path: &str) -> Result<String> {
        let scheme = scenario.load.over.scheme();
        let mut command = Command::new("curl");
        command.args(["--silent", "--insecure", "--include", "--max-time", "20"]);
        if matches!(scenario.load.over, Over::H2(_)) {
            command.arg("--http2");
        }
        for (name, value) in scenario.load.headers {
            command.args(["-H", &format!("{name}: {}", self.filled(value))]);
        }
        if let Some(bytes) = scenario.load.upload {
            command.args(["--data-binary", "@-"]);
            command.arg(format!("{scheme}://127.0.0.1:{}{path}", self.place.port));
            return with_input(&mut command, &vec![b'a'; bytes]);
        }
        command.arg(format!("{scheme}://127.0.0.1:{}{path}", self.place.port));
        with_input(&mut command, b"")
    }

    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn port(&self) -> u16 {
        self.place.port
    }

    pub(super) fn admin(&self) -> u16 {
        self.place.admin
    }

    pub(super) fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// A text with the tokens in it.
    pub(super) fn filled(&self, text: &str) -> String {
        self.place.identity.fill(text)
    }

    /// A program beside the subject's core.
    pub(super) fn on_the_other_core(&self, program: &str) -> Command {
        pinned(&self.others, Path::new(program))
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

/// The cores of a subject that may use so many, and those of all the rest, as taskset has them. Where
/// there are too few they share.
fn cores(count: usize) -> (String, String) {
    match (count, thread::available_parallelism().map_or(1, usize::from)) {
        (1, _) => (CORE.to_string(), OTHER_CORE.to_string()),
        (_, 4..) => ("0,2".into(), "1,3".into()),
        _ => ("0,1".into(), "0,1".into()),
    }
}

/// A program where subjects run.
pub(super) fn on_first_core(program: &str) -> Command {
    pinned(&CORE.to_string(), Path::new(program))
}

pub(super) fn pinned(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program);
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

pub(super) fn free_port() -> Result<u16> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port")?;
    Ok(socket.local_addr()?.port())
}
