//! One place where an upstream runs, and whether it is fit for requests.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use http::{
    HeaderValue,
    uri::{Authority, InvalidUri},
};
use rustls::pki_types::ServerName;

use super::{hash, health::Checks, outlier::Outlier, ramp::WHOLE, resolve::Addresses};
use crate::config::{self, HostField};

/// A target is shared by all workers: only atomics that are seldom written.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    /// Its share of the requests, against the others'.
    pub(super) weight: u32,
    /// `host:port`, for people.
    pub(super) name: Arc<str>,
    /// The name as a number, the same in every process.
    pub(super) id: u64,
    /// What Host says where it is not the client's.
    pub(super) authority: Authority,
    pub(super) host_header: HeaderValue,
    /// Whom TLS asks for and verifies; none where there is no TLS.
    pub(super) server_name: Option<ServerName<'static>>,
    /// Whether the next connection is expected to be HTTP/2, and is worth sharing.
    pub(super) expects_h2: AtomicBool,
    /// What active checks found; true before the first.
    pub(super) healthy: AtomicBool,
    /// The checks' own counts; only the control thread looks.
    pub(super) checks: Mutex<Checks>,
    /// What its failures have led to.
    pub(super) outlier: Outlier,
    /// What its name stands for.
    pub(super) addresses: Addresses,
    /// The address, where the configuration gives one and not a name.
    address: Option<SocketAddr>,
    aside: Aside,
    /// Somebody was told that it takes no connections.
    is_told: AtomicBool,
}

/// How willing a target is, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// The last connect failed.
    Any,
    /// As far as is known it takes connections.
    Reachable,
    /// It passes its checks and is not ejected, but has had its share for now.
    Fit,
    /// It takes the request.
    Ready,
}

impl Target {
    /// One of this upstream. TLS asks for `sni` before the host, and Host says a fixed name before it.
    pub(super) fn new(
        target: &config::Target,
        settings: &config::Upstream,
    ) -> Result<Self, String> {
        let (host, port) = (target.host.clone(), target.port);
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let bad = |why: &dyn std::fmt::Display| format!("`{bracketed}:{port}`: {why}");
        let tls = settings.tls.as_ref();
        let server_name = tls
            .map(|tls| ServerName::try_from(tls.sni.clone().unwrap_or_else(|| host.clone())))
            .transpose()
            .map_err(|why| bad(&why))?;
        let authority = match &settings.host {
            Some(HostField::Name(name)) => name.clone(),
            _ => own_authority(&bracketed, port, tls.is_some()).map_err(|why| bad(&why))?,
        };
        let name: Arc<str> = format!("{bracketed}:{port}").into();
        Ok(Self {
            id: hash::of(name.as_bytes()),
            name,
            weight: target.weight,
            address: host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port)),
            outlier: Outlier::default(),
            addresses: Addresses::default(),
            host_header: authority.as_str().parse().map_err(|why| bad(&why))?,
            authority,
            server_name,
            host,
            port,
            expects_h2: AtomicBool::new(true),
            healthy: AtomicBool::new(true),
            checks: Mutex::default(),
            aside: Aside::default(),
            is_told: AtomicBool::new(false),
        })
    }

    /// The address, where the configuration gives one and not a name.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether requests should go here while there are others.
    pub(super) fn is_fit(&self) -> bool {
        self.grade(0) >= Grade::Fit
    }

    /// Whether it is one to those who look at numbers: also where it took no connection the last time, and nobody
    /// has tried since.
    pub(super) fn is_well(&self) -> bool {
        self.is_fit() && !self.aside.is_doubted()
    }

    /// Whether it should get a request. One that comes back gets its share bit by
    /// bit: it takes the request if that is at least `dice`.
    pub(super) fn grade(&self, dice: u8) -> Grade {
        if self.aside.is_set() {
            return Grade::Any;
        }
        if !self.healthy.load(Relaxed) {
            return Grade::Reachable;
        }
        match self.outlier.ramp.share(milliseconds) {
            0 => Grade::Reachable,
            WHOLE => Grade::Ready,
            share if share >= dice => Grade::Ready,
            _ => Grade::Fit,
        }
    }

    /// Its checks find that it is fit again, and it gets its share within this time.
    pub(super) fn recovered(&self, slow_start: Duration) {
        let now = milliseconds();
        if !slow_start.is_zero() && !self.outlier.is_ejected(now) {
            self.outlier.ramp.begin(now, slow_start);
        }
    }

    /// A connection could not be made.
    pub(super) fn connect_failed(&self) {
        self.addresses.doubt();
        self.aside.set();
    }

    /// Whether nobody was told yet that it takes no connections.
    pub(super) fn is_out_anew(&self) -> bool {
        !self.is_told.swap(true, Relaxed)
    }

    /// A connection was made, or a check passed. Says whether somebody was told otherwise.
    pub(super) fn reached(&self) -> bool {
        self.aside.clear();
        self.is_told.load(Relaxed) && self.is_told.swap(false, Relaxed)
    }

    /// It has answered, on whatever connection.
    pub(super) fn answered(&self) {
        self.aside.trust();
    }
}

/// As clients write it in Host: without the port that goes without saying, and without the dot at the
/// end, which keeps search domains away and is no part of the name.
fn own_authority(host: &str, port: u16, https: bool) -> Result<Authority, InvalidUri> {
    let name = host.strip_suffix('.').unwrap_or(host);
    let default_port = if https { 443 } else { 80 };
    if port == default_port { name.parse() } else { format!("{name}:{port}").parse() }
}

/// Set aside after a failed connect, so that the next requests do not all run into the same wall:
/// for one second, then two, four, and at most eight.
#[derive(Debug, Default)]
struct Aside {
    failures: AtomicU32,
    /// On the clock of [`milliseconds`].
    until: AtomicU64,
    /// It has not answered since.
    doubted: AtomicBool,
}

/// How long a target is doubted that nobody asks for anything, in milliseconds.
const DOUBT: u64 = 5 * 60 * 1000;

impl Aside {
    fn is_set(&self) -> bool {
        let until = self.until.load(Relaxed);
        until != 0 && milliseconds() < until
    }

    fn is_doubted(&self) -> bool {
        self.doubted.load(Relaxed) && milliseconds() < self.until.load(Relaxed) + DOUBT
    }

    fn set(&self) {
        let failures = self.failures.fetch_add(1, Relaxed).min(3);
        self.until.store(milliseconds() + (1000 << failures), Relaxed);
        self.doubted.store(true, Relaxed);
    }

    fn clear(&self) {
        // Read first: this is called for every connection, and the line is shared.
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
            self.until.store(0, Relaxed);
        }
        self.trust();
    }

    fn trust(&self) {
        if self.doubted.load(Relaxed) {
            self.doubted.store(false, Relaxed);
        }
    }
}

/// Since some moment in this process's life; never zero, which stands for "not at all".
pub(super) fn milliseconds() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::tests::settings;

    #[test]
    fn a_target_that_took_no_connection_is_not_well_until_it_takes_one() {
        let settings = settings(&[([127, 0, 0, 1], 1).into()]);
        let target = Target::new(&settings.targets[0], &settings).unwrap();
        assert!(!target.reached() && target.is_well());
        target.connect_failed();
        assert!(target.is_out_anew(), "that is news");
        assert!(!target.is_out_anew() && !target.is_fit());
        // Its time aside is over, and nobody has tried it since.
        target.aside.until.store(1, Relaxed);
        assert!(target.is_fit() && !target.is_well());
        assert!(target.reached() && target.is_well());
        assert!(!target.reached(), "nobody was told otherwise since");
    }

    #[test]
    fn one_that_answers_is_well_whatever_new_connections_do() {
        let settings = settings(&[([127, 0, 0, 1], 1).into()]);
        let target = Target::new(&settings.targets[0], &settings).unwrap();
        target.connect_failed();
        target.aside.until.store(1, Relaxed);
        assert!(!target.is_well());
        target.answered();
        assert!(target.is_well());
        assert!(target.aside.failures.load(Relaxed) > 0, "the next connection waits all the same");
    }
}
