//! What the gateway takes when nothing happens: its start, and memory. And one number that others are
//! held against: how long a signature takes without any gateway.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    Rig,
    entries::{entry, four},
    load::Load,
    measure::usage,
    scenario::Entry,
    scenarios::THING_OVER_HTTP,
    subject::{Place, Program, Subject, on_first_core},
};
use crate::demo::process::{Process, StopBy};

/// How it is asked for, beside the scenarios.
pub(super) const IDLE: &str = "idle";

/// Milliseconds until the first answer, with ten plugins that were compiled before.
pub(super) const CACHED: &str = "start, compiled before";
/// The same where they are compiled.
pub(super) const COLD: &str = "start, compiling";
/// MiB with ten plugins, each of which was called once.
pub(super) const MEMORY: &str = "memory";
/// KiB of an idle connection.
pub(super) const CONNECTION: &str = "memory of a connection";
/// MiB of an idle instance.
pub(super) const INSTANCE: &str = "memory of an instance";
/// Microseconds that OpenSSL takes to verify a signature of RS256.
pub(super) const NATIVE_VERIFY: &str = "native verification";

#[cfg(test)]
pub(super) const NUMBERS: [&str; 6] = [CACHED, COLD, MEMORY, CONNECTION, INSTANCE, NATIVE_VERIFY];

/// How long a gateway is left alone before it counts as idle: free memory goes back within this time.
const REST: Duration = Duration::from_secs(15);

const MIB: f64 = (1 << 20) as f64;
const KIB: f64 = (1 << 10) as f64;

/// What comes of it.
#[derive(Default)]
pub(super) struct Idle {
    /// By the names above.
    pub(super) numbers: BTreeMap<&'static str, f64>,
    /// A part of the report.
    pub(super) text: String,
}

pub(super) fn measure(rig: &Rig) -> Result<Idle> {
    let mut idle = Idle::default();
    idle.starts(rig).context("starts")?;
    idle.connections(rig).context("idle connections")?;
    idle.instances(rig).context("instances")?;
    idle.verification().context("openssl speed")?;
    Ok(idle)
}

impl Idle {
    /// In each round the first start compiles, the second finds that done.
    fn starts(&mut self, rig: &Rig) -> Result<()> {
        let ten = entry!("torana", Torana, "idle/torana.toml");
        let (mut cold, mut cached, mut memory) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rig.rounds {
            let place = Place::lay_out(rig, IDLE, &ten)?;
            let cache = place.folder.join("cache");
            if cache.exists() {
                fs::remove_dir_all(&cache)?;
            }
            let (_, time) = start(rig, &place)?;
            cold.push(time.as_secs_f64() * 1e3);
            let (process, time) = start(rig, &place)?;
            cached.push(time.as_secs_f64() * 1e3);
            call_all_ten(&place)?;
            thread::sleep(REST);
            memory.push(usage(process.id())?.memory as f64 / MIB);
        }
        let (cold, cached, memory) = (median(cold), median(cached), median(memory));
        self.numbers.extend([(COLD, cold), (CACHED, cached), (MEMORY, memory)]);
        writeln!(
            self.text,
            "With ten plugins the first answer is there {cached:.0} ms after the start, {cold:.0} ms \
             where they have to be compiled (on all cores). When each of them was called once and \
             {rest} s have passed it has {memory:.1} MiB resident.\n",
            rest = REST.as_secs(),
        )?;
        Ok(())
    }

    /// What connections take that each had one answer and wait.
    fn connections(&mut self, rig: &Rig) -> Result<()> {
        self.text.push_str(
            "| resident, with so many idle connections | 1 | 100 | 5,000 | each |\n\
             | --- | --- | --- | --- | --- |\n",
        );
        for entry in four() {
            let subject = Subject::start(rig, IDLE, &entry)?;
            let mut open = Vec::new();
            let mut memory = Vec::new();
            for count in [1, 100, 5_000] {
                while open.len() < count {
                    open.push(kept(subject.port())?);
                }
                memory.push(usage(subject.process())?.memory as f64);
            }
            let each = (memory[2] - memory[0]) / 4_999.0 / KIB;
            if entry.program == Program::Torana {
                self.numbers.insert(CONNECTION, each);
            }
            writeln!(
                self.text,
                "| {} | {:.1} MiB | {:.1} MiB | {:.1} MiB | {each:.1} KiB |",
                entry.name,
                memory[0] / MIB,
                memory[1] / MIB,
                memory[2] / MIB,
            )?;
        }
        Ok(())
    }

    /// What instances take that were used and wait. `aggregate` waits for a slow service, so that many
    /// are in use at a time.
    fn instances(&mut self, rig: &Rig) -> Result<()> {
        let entry = Entry::new("torana instances", Program::Torana, || {
            let text = include_str!("../../../benches/peers/aggregate/torana.toml");
            let text = text.replace("path = \"/thing\" }\nconfig", "path = \"/slow\" }\nconfig");
            format!("[admin]\naddress = \"127.0.0.1:{{admin}}\"\n\n{text}")
        });
        let subject = Subject::start(rig, IDLE, &entry)?;
        let load = |path| Load { paths: path, ..THING_OVER_HTTP };
        let second = Duration::from_secs(1);
        let memory = || usage(subject.process()).map(|usage| usage.memory as f64);
        // Connections and code have their memory already when there is one instance.
        load(&["/seen"]).run(&subject, second)?;
        ask(subject.port(), "/thing", "")?;
        let (one, few) = (memory()?, idle_instances(&subject)?);
        // More than the service takes, and waited for to the end: an exchange that is given up takes its
        // instance with it.
        load(&["/thing"]).paced(&subject, 500.0, second)?;
        let (all, many) = (memory()?, idle_instances(&subject)?);
        ensure!(many > few, "{many} instances are idle, as many as before");
        let each = (all - one) / (many - few) / MIB;
        self.numbers.insert(INSTANCE, each);
        writeln!(
            self.text,
            "\nWith {many} idle instances of `aggregate` instead of {few} each takes {each:.2} MiB.\n"
        )?;
        Ok(())
    }

    fn verification(&mut self) -> Result<()> {
        let mut speed = on_first_core("openssl");
        speed.args(["speed", "-seconds", "1", "-mr", "rsa2048"]);
        let output = speed.output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // +F2:0:2048:signatures a second:verifications a second
        let line = said.lines().find(|line| line.starts_with("+F2:"));
        let rate = line.and_then(|line| line.rsplit(':').next()?.parse::<f64>().ok());
        let micros = 1e6 / rate.with_context(|| format!("no rate:\n{said}"))?;
        self.numbers.insert(NATIVE_VERIFY, micros);
        writeln!(self.text, "OpenSSL verifies a signature of RS256 in {micros:.1} us.")?;
        Ok(())
    }
}

/// Starts it, on all cores, and says when the first answer was there.
fn start(rig: &Rig, place: &Place) -> Result<(Process, Duration)> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let mut command = Command::new(&rig.torana);
    command.arg("run").arg(&place.config).current_dir(&place.folder);
    command.env("TORANA_LOG", "warn").env("TORANA_CACHE", place.folder.join("cache"));
    let started = Instant::now();
    let log = place.folder.join("log");
    let mut process = Process::start("torana", &mut command, log, StopBy::Signal)?;
    loop {
        if ask(place.port, "/thing", "").is_ok_and(|said| said.starts_with("HTTP/1.1 200")) {
            return Ok((process, started.elapsed()));
        }
        process.expect_alive()?;
        if started.elapsed() > PATIENCE {
            bail!("no answer after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Nine of them in one chain, and one that refuses whoever has no key.
fn call_all_ten(place: &Place) -> Result<()> {
    let fields = format!("Authorization: Bearer {}\r\nX-Api-Version: 2\r\n", place.identity.rs256);
    let said = ask(place.port, "/ten/thing", &fields)?;
    ensure!(said.starts_with("HTTP/1.1 200"), "a wrong answer:\n{said}");
    let said = ask(place.port, "/keys", "")?;
    ensure!(said.starts_with("HTTP/1.1 401"), "a wrong answer:\n{said}");
    Ok(())
}

fn idle_instances(subject: &Subject) -> Result<f64> {
    let metrics = ask(subject.admin(), "/metrics", "")?;
    let mut lines = metrics.lines().filter(|line| line.contains("plugin_instances_idle{"));
    let count = lines.find_map(|line| line.rsplit(' ').next()?.parse().ok());
    count.context("/metrics tells of no instance")
}

/// A connection that had an answer.
fn kept(port: u16) -> Result<TcpStream> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.write_all(b"GET /thing HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut said = [0; 4096];
    let mut length = 0;
    while !said[..length].ends_with(b"\"ok\":1}") && !said[..length].ends_with(b"0\r\n\r\n") {
        let bytes = socket.read(&mut said[length..])?;
        ensure!(bytes > 0, "half an answer: {}", String::from_utf8_lossy(&said[..length]));
        length += bytes;
    }
    Ok(socket)
}

fn ask(port: u16, path: &str, fields: &str) -> Result<String> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n")?;
    let mut said = String::new();
    socket.read_to_string(&mut said)?;
    Ok(said)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
