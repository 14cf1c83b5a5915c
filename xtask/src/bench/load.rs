//! The load, and what came of it.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    measure::usage,
    paced,
    subject::{OTHER_CORE, Subject},
};

/// What the clients do.
pub(super) struct Load {
    /// Over which protocol.
    pub(super) over: Over,
    /// Connections at a time.
    pub(super) connections: usize,
    /// Paths, taken in turns.
    pub(super) paths: &'static [&'static str],
    /// Header fields of each request; `{rs256}` and `{es256}` stand for signed tokens.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// The request's method and body, in bytes; a GET without if none.
    pub(super) upload: Option<usize>,
}

/// How the client speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Http1,
    /// TLS, kept alive.
    Https,
    /// TLS, a handshake for each request.
    Handshakes,
    /// HTTP/2 over TLS, this many streams a connection.
    H2(usize),
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Of the subject, for each request.
    pub(super) cpu: Duration,
    /// Requests a second.
    pub(super) rate: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    pub(super) p999: Duration,
    /// Resident memory at the end, bytes.
    pub(super) memory: u64,
    /// The 99th percentile at half of this rate, where that is asked for.
    pub(super) half: Option<Duration>,
}

/// Counts what the clients saw; wrk's own summary has no 99.9th percentile.
const DONE: &str = r#"
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("BENCH %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

impl Load {
    /// Runs it for a while against a subject.
    pub(super) fn run(&self, subject: &Subject, time: Duration) -> Result<Sample> {
        let before = usage(subject.process())?;
        let started = Instant::now();
        let counted = match self.over {
            Over::H2(streams) => self.h2load(subject, time, streams)?,
            _ => self.wrk(subject, time)?,
        };
        let elapsed = started.elapsed();
        let after = usage(subject.process())?;
        ensure!(counted.requests > 0, "no request was answered");
        ensure!(counted.failed == 0, "{} of {} failed", counted.failed, counted.requests);
        Ok(Sample {
            cpu: (after.cpu - before.cpu).div_f64(counted.requests as f64),
            rate: counted.requests as f64 / counted.time.unwrap_or(elapsed).as_secs_f64(),
            p50: counted.p50,
            p99: counted.p99,
            p999: counted.p999,
            memory: after.memory,
            half: None,
        })
    }

    /// The 99th percentile at so many requests a second.
    pub(super) fn paced(&self, subject: &Subject, rate: f64, time: Duration) -> Result<Duration> {
        ensure!(self.over == Over::Http1, "what is paced is plain HTTP/1.1");
        let mut request = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n", self.paths[0]);
        for (name, value) in self.headers {
            request.push_str(&format!("{name}: {}\r\n", subject.filled(value)));
        }
        request.push_str("\r\n");
        let times = paced::run(subject.port(), &request, rate, time, OTHER_CORE)?;
        let p99 = times.get(times.len() * 99 / 100).copied();
        p99.with_context(|| format!("nothing was asked at {rate} requests a second"))
    }

    fn wrk(&self, subject: &Subject, time: Duration) -> Result<Counted> {
        let script = subject.folder().join("load.lua");
        fs::write(&script, format!("{}\n{DONE}", self.lua(subject)))?;
        let mut command = subject.on_the_other_core("wrk");
        command.args(["-t", "1", "-c", &subject.connections(self).to_string()]);
        command.args(["-d", &format!("{}s", time.as_secs()), "-s"]).arg(script);
        let scheme = if self.over == Over::Http1 { "http" } else { "https" };
        command.arg(format!("{scheme}://127.0.0.1:{}{}", subject.port(), self.paths[0]));
        let said = said(&mut command)?;
        let line = said.lines().find_map(|line| line.strip_prefix("BENCH "));
        let numbers = line.with_context(|| format!("wrk has no numbers:\n{said}"))?;
        let numbers: Vec<u64> = numbers.split(' ').filter_map(|n| n.parse().ok()).collect();
        let [requests, time, p50, p99, p999, failed] = numbers[..] else { bail!("{said}") };
        let micros = Duration::from_micros;
        Ok(Counted {
            requests,
            failed,
            time: Some(micros(time)),
            p50: micros(p50),
            p99: micros(p99),
            p999: micros(p999),
        })
    }

    /// The requests, in wrk's language.
    fn lua(&self, subject: &Subject) -> String {
        let paths: Vec<_> = self.paths.iter().map(|path| format!("{path:?}")).collect();
        let mut lua = format!("local paths = {{ {} }}\nlocal n = 0\n", paths.join(", "));
        for (name, value) in self.headers {
            let value = subject.filled(value);
            lua.push_str(&format!("wrk.headers[{name:?}] = {value:?}\n"));
        }
        if self.over == Over::Handshakes {
            lua.push_str("wrk.headers[\"Connection\"] = \"close\"\n");
        }
        if let Some(bytes) = self.upload {
            lua.push_str(&format!(
                "wrk.method = \"POST\"\nwrk.body = string.rep(\"a\", {bytes})\n"
            ));
        }
        // One path needs no call of Lua for each request.
        if self.paths.len() > 1 {
            lua.push_str(
                "function request() n = n % #paths + 1; return wrk.format(nil, paths[n]) end",
            );
        }
        lua
    }

    fn h2load(&self, subject: &Subject, time: Duration, streams: usize) -> Result<Counted> {
        let log = subject.folder().join("h2load.log");
        // It appends.
        let _ = fs::remove_file(&log);
        let mut command = subject.on_the_other_core("h2load");
        command.args(["-t", "1", "-c", &subject.connections(self).to_string()]);
        command.args(["-m", &streams.to_string(), "-D", &time.as_secs().to_string()]);
        command.arg("--log-file").arg(&log);
        for (name, value) in self.headers {
            let value = subject.filled(value);
            command.args(["-H", &format!("{name}: {value}")]);
        }
        command.arg(format!("https://127.0.0.1:{}{}", subject.port(), self.paths[0]));
        said(&mut command)?;
        // Start, status, time in microseconds.
        let text = fs::read_to_string(&log).context("h2load's log")?;
        let mut times = Vec::new();
        let mut failed = 0;
        for line in text.lines() {
            let mut words = line.split('\t').skip(1);
            let (status, took) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            if !status.starts_with('2') {
                failed += 1;
            }
            times.push(took.parse::<u64>().unwrap_or(0));
        }
        times.sort_unstable();
        let at = |share: f64| {
            let index = (times.len() as f64 * share) as usize;
            Duration::from_micros(times.get(index).copied().unwrap_or(0))
        };
        Ok(Counted {
            requests: times.len() as u64,
            failed,
            time: Some(time),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
        })
    }
}

struct Counted {
    requests: u64,
    failed: u64,
    time: Option<Duration>,
    p50: Duration,
    p99: Duration,
    p999: Duration,
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.output().context("starting the load")?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "the load failed:\n{text}");
    Ok(text)
}
