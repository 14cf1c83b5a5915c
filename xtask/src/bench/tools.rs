//! The programs that make the load, and what each of them says.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    load::{Load, Over},
    subject::Subject,
};

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
    /// With a connection for each request, wrk resumes the TLS session of the one before: nginx's
    /// `$ssl_session_reused` says so of all but the first.
    pub(super) fn wrk(&self, subject: &Subject, time: Duration) -> Result<Counted> {
        let script = subject.folder().join("load.lua");
        fs::write(&script, format!("{}\n{DONE}", self.lua(subject)))?;
        let mut command = subject.on_the_other_core("wrk");
        command.args(["-t", "1", "-c", &self.connections.to_string()]);
        command.args(["-d", &format!("{}s", time.as_secs()), "-s"]).arg(script);
        command.arg(self.url(subject));
        counted_as_said(&said(&mut command)?)
    }

    /// The requests, in wrk's language.
    fn lua(&self, subject: &Subject) -> String {
        let paths: Vec<_> = self.paths.iter().map(|path| format!("{path:?}")).collect();
        let mut lua = format!("local paths = {{ {} }}\nlocal n = 0\n", paths.join(", "));
        for (name, value) in self.headers {
            let value = subject.filled(value);
            lua.push_str(&format!("wrk.headers[{name:?}] = {value:?}\n"));
        }
        if self.over == Over::Resumptions {
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

    pub(super) fn h2load(
        &self,
        subject: &Subject,
        time: Duration,
        streams: usize,
    ) -> Result<Counted> {
        let log = subject.folder().join("h2load.log");
        // It appends.
        let _ = fs::remove_file(&log);
        let mut command = subject.on_the_other_core("h2load");
        command.args(["-t", "1", "-c", &self.connections.to_string()]);
        command.args(["-m", &streams.to_string(), "-D", &time.as_secs().to_string()]);
        command.arg("--log-file").arg(&log);
        for (name, value) in self.headers {
            let value = subject.filled(value);
            command.args(["-H", &format!("{name}: {value}")]);
        }
        command.arg(self.url(subject));
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
            times.push(Duration::from_micros(took.parse().unwrap_or(0)));
        }
        times.sort_unstable();
        Ok(Counted { failed, time: Some(time), ..Counted::of(&times) })
    }

    /// New connections with full handshakes: by a script, for wrk resumes.
    pub(super) fn shake_hands(&self, subject: &Subject, time: Duration) -> Result<Counted> {
        let script = subject.folder().join("handshakes.py");
        fs::write(&script, include_str!("../../../benches/peers/handshakes.py"))?;
        let mut command = subject.on_the_other_core("python3");
        command.arg(script).arg(subject.port().to_string());
        command.arg(time.as_secs().to_string()).arg(self.paths[0]);
        counted_as_said(&said(&mut command)?)
    }

    /// Whole bodies, so that what is under way at the end is in no number.
    pub(super) fn transfer(&self, subject: &Subject, time: Duration) -> Result<Counted> {
        const AT_A_TIME: usize = 2;
        let file = subject.folder().join("sent");
        let mut one = format!("url = \"{}\"\noutput = \"/dev/null\"\n", self.url(subject));
        if let Some(bytes) = self.upload {
            if fs::metadata(&file).map_or(0, |file| file.len()) != bytes as u64 {
                fs::write(&file, vec![b'a'; bytes])?;
            }
            one.push_str(&format!("upload-file = \"{}\"\n", file.display()));
        }
        let list = subject.folder().join("curl");
        fs::write(&list, one.repeat(AT_A_TIME))?;
        let start = Instant::now();
        let (mut times, mut failed) = (Vec::new(), 0);
        while start.elapsed() < time {
            let mut command = subject.on_the_other_core("curl");
            command.args(["--silent", "--write-out", "%{http_code} %{time_total}\n"]);
            if self.upload.is_some() {
                command.args(["--request", "POST", "--header", "Expect:"]);
            }
            for line in said(command.arg("--config").arg(&list))?.lines() {
                let (status, took) = line.split_once(' ').context("curl's numbers")?;
                failed += u64::from(status != "200");
                times.push(Duration::from_secs_f64(took.parse()?));
            }
        }
        times.sort_unstable();
        Ok(Counted { failed, time: Some(start.elapsed()), ..Counted::of(&times) })
    }

    fn url(&self, subject: &Subject) -> String {
        format!("{}://127.0.0.1:{}{}", self.over.scheme(), subject.port(), self.paths[0])
    }
}

/// What a tool saw.
pub(super) struct Counted {
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) time: Option<Duration>,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    pub(super) p999: Duration,
}

impl Counted {
    /// Of how long each request took, ascending.
    pub(super) fn of(times: &[Duration]) -> Self {
        let at = |share: f64| {
            let index = (times.len() as f64 * share) as usize;
            times.get(index).copied().unwrap_or_default()
        };
        Self {
            requests: times.len() as u64,
            failed: 0,
            time: None,
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
        }
    }
}

/// Reads the line that scripts end with: requests, microseconds in all, percentiles, failures.
fn counted_as_said(said: &str) -> Result<Counted> {
    let line = said.lines().find_map(|line| line.strip_prefix("BENCH "));
    let numbers = line.with_context(|| format!("the load has no numbers:\n{said}"))?;
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

fn said(command: &mut Command) -> Result<String> {
    let output = command.output().context("starting the load")?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "the load failed:\n{text}");
    Ok(text)
}
