//! The load, and what came of it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{
    measure::usage,
    paced::Clients,
    subject::{OTHER_CORE, Subject},
    tools::Counted,
};

/// At half load fewer are busy than at full load.
const PACED_CONNECTIONS: usize = 64;

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
    /// So many requests a second, over connections that are there before.
    Paced(u32),
    /// TLS, kept alive.
    Https,
    /// TLS, a connection with a full handshake for each request; eight clients.
    Handshakes,
    /// TLS, a connection for each request that resumes the session of the one before.
    Resumptions,
    /// Without TLS, large bodies that are counted when they are whole; one client.
    Transfers,
    /// HTTP/2 over TLS, this many streams a connection.
    H2(usize),
}

impl Over {
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Http1 | Self::Paced(_) | Self::Transfers => "http",
            Self::Https | Self::Handshakes | Self::Resumptions | Self::H2(_) => "https",
        }
    }
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Of the subject, for each request.
    pub(super) cpu: Duration,
    /// What of it was the kernel's.
    pub(super) kernel: Duration,
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

impl Load {
    /// Runs it for a moment, in which nothing may fail.
    pub(super) fn warm_up(&self, subject: &Subject) -> Result<()> {
        self.run(subject, Duration::from_secs(1)).map(|_| ())
    }

    /// Runs it for a while against a subject.
    pub(super) fn run(&self, subject: &Subject, time: Duration) -> Result<Sample> {
        let connected = if matches!(self.over, Over::Paced(_)) { self.connections } else { 0 };
        let clients = Clients::connect(subject.port(), connected)?;
        let before = usage(subject.process())?;
        let started = Instant::now();
        let counted = match self.over {
            Over::Http1 | Over::Https | Over::Resumptions => self.wrk(subject, time)?,
            Over::Paced(rate) => {
                Counted::of(&self.paced_over(&clients, subject, rate.into(), time)?)
            }
            Over::Handshakes => self.shake_hands(subject, time)?,
            Over::Transfers => self.transfer(subject, time)?,
            Over::H2(streams) => self.h2load(subject, time, streams)?,
        };
        let elapsed = started.elapsed();
        let after = usage(subject.process())?;
        ensure!(counted.requests > 0, "no request was answered");
        ensure!(counted.failed == 0, "{} of {} failed", counted.failed, counted.requests);
        let cpu = (after.cpu - before.cpu).div_f64(counted.requests as f64);
        Ok(Sample {
            cpu,
            kernel: cpu.mul_f64(after.split.kernels_share_since(before.split)),
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
        let clients = Clients::connect(subject.port(), PACED_CONNECTIONS)?;
        let times = self.paced_over(&clients, subject, rate, time)?;
        ensure!(!times.is_empty(), "nothing was asked at {rate} requests a second");
        Ok(Counted::of(&times).p99)
    }

    fn paced_over(
        &self,
        clients: &Clients,
        subject: &Subject,
        rate: f64,
        time: Duration,
    ) -> Result<Vec<Duration>> {
        let mut request = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n", self.paths[0]);
        for (name, value) in self.headers {
            request.push_str(&format!("{name}: {}\r\n", subject.filled(value)));
        }
        request.push_str("\r\n");
        clients.send(&request, rate, time, OTHER_CORE)
    }
}
