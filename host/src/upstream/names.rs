//! What a name stands for, and for how long that holds.
//!
//! DNS is asked by ourselves ([`dns`]), for `getaddrinfo` does not tell how long an answer holds.
//! The system is asked for names of `/etc/hosts` and, unless the configuration names the servers, for
//! what DNS does not know: mDNS, LDAP. Nothing is kept here: each look-up reads `/etc/hosts` and
//! `/etc/resolv.conf` as they are by then.

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use tokio::{net::lookup_host, task::spawn_blocking};

mod dns;

use dns::{Answer, Dns};

/// How long an answer of the system holds, which does not tell.
const UNTOLD: Duration = Duration::from_secs(5);

/// Bounds of what a DNS server tells: a TTL of zero is no reason to ask all the time, and one of a
/// day none to miss an instance that is new. (Docker's server says ten minutes of what changes at any time.)
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

const NO_ADDRESS: &str = "the name has no address";

/// What a name stands for.
#[derive(Debug)]
pub(super) struct Found {
    /// Not empty. The family that can be reached comes first.
    pub(super) addresses: Vec<SocketAddr>,
    /// For how long.
    pub(super) hold: Duration,
    /// Why one of the families could not be looked up. What was known of it is kept.
    pub(super) lack: Option<String>,
}

/// Looks up a name. `servers` are those to ask, the ones of `/etc/resolv.conf` if there is none.
/// `known` is what it stood for so far: where DNS fails, that is kept.
pub(super) async fn look_up(
    host: &str,
    port: u16,
    servers: &[SocketAddr],
    known: &[SocketAddr],
) -> Result<Found, String> {
    let Some(dns) = dns_for(host, servers).await else { return ask_system(host, port).await };
    let why = match join(dns.ask().await, known, port, is_reachable) {
        Ok(found) => return Ok(found),
        Err(why) => why,
    };
    // The system has servers of its own, and knows no more than they while they fail.
    let is_final = !servers.is_empty() || (why.is_some() && !known.is_empty());
    let why = why.unwrap_or_else(|| NO_ADDRESS.to_owned());
    if is_final {
        return Err(why);
    }
    ask_system(host, port).await.map_err(|system| format!("{why}; the system: {system}"))
}

/// Whom to ask; none if the name is the system's own, or there is nobody.
async fn dns_for(host: &str, servers: &[SocketAddr]) -> Option<Dns> {
    let (host, servers) = (host.to_owned(), servers.to_vec());
    let reads_files =
        spawn_blocking(move || (!is_local(&host)).then(|| Dns::new(&host, &servers)).flatten());
    reads_files.await.ok().flatten()
}

async fn ask_system(host: &str, port: u16) -> Result<Found, String> {
    let found = lookup_host((host, port)).await.map_err(|why| why.to_string())?;
    let addresses: Vec<_> = found.collect();
    match addresses.is_empty() {
        true => Err(NO_ADDRESS.to_owned()),
        false => Ok(Found { addresses, hold: UNTOLD, lack: None }),
    }
}

/// Whether the name is this machine's own, or an address, or stands in its `/etc/hosts`.
fn is_local(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    // RFC 6761, section 6.3: DNS is not asked for these.
    if host == "localhost" || host.ends_with(".localhost") || is_numeric(&host) {
        return true;
    }
    let hosts = fs::read("/etc/hosts").unwrap_or_default();
    is_in_hosts(&String::from_utf8_lossy(&hosts), &host)
}

/// Whether it is an old way to write an address (`127.1`, `0x7f000001`), for no top-level domain is
/// a number (RFC 3696, section 2).
fn is_numeric(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let (digits, radix) = last.strip_prefix("0x").map_or((last, 10), |digits| (digits, 16));
    !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix))
}

fn is_in_hosts(hosts: &str, host: &str) -> bool {
    let lines = hosts.lines().filter_map(|line| line.split('#').next());
    lines
        .flat_map(|line| line.split_whitespace().skip(1))
        .any(|name| name.trim_end_matches('.').eq_ignore_ascii_case(host))
}

/// Both families' answers as one, with what is known in the place of what could not be asked. If
/// there is nothing, it is said why, or DNS knows no such name.
fn join(
    [v4, v6]: [Answer; 2],
    known: &[SocketAddr],
    port: u16,
    is_reachable: impl Fn(SocketAddr) -> bool,
) -> Result<Found, Option<String>> {
    let (mut hold, mut lack) = (LONGEST, None);
    let mut of_family = |answer: Answer, is_v4: bool| match answer {
        Answer::Addresses(addresses, ttl) => {
            hold = hold.min(ttl.max(SHORTEST));
            addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()
        }
        Answer::Nothing => Vec::new(),
        Answer::Failed(why) => {
            lack = Some(why);
            known.iter().copied().filter(|address| address.is_ipv4() == is_v4).collect()
        }
    };
    let asked = [&v4, &v6].iter().any(|answer| !matches!(answer, Answer::Failed(_)));
    let (v4, v6) = (of_family(v4, true), of_family(v6, false));
    if !asked || v4.len() + v6.len() == 0 {
        return Err(lack);
    }
    // IPv6 is preferred where there is a way (RFC 6724, section 2.1).
    let v6_first = v6.first().is_some_and(|address| is_reachable(*address));
    let addresses = if v6_first { [v6, v4] } else { [v4, v6] }.concat();
    Ok(Found { addresses, hold, lack })
}

/// Whether there is a route. Connecting a UDP socket sends nothing.
fn is_reachable(address: SocketAddr) -> bool {
    let any: SocketAddr =
        if address.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    UdpSocket::bind(any).and_then(|socket| socket.connect(address)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(addresses: &[&str], seconds: u64) -> Answer {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Answer::Addresses(addresses, Duration::from_secs(seconds))
    }

    fn sockets(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 80)).collect()
    }

    fn failed() -> Answer {
        Answer::Failed("no".to_owned())
    }

    #[test]
    fn the_family_that_can_be_reached_comes_first() {
        let both = || [answer(&["10.0.0.2", "10.0.0.1"], 9), answer(&["fd00::2", "fd00::1"], 9)];
        let addresses = |v6| join(both(), &[], 80, |a| a.is_ipv4() || v6).unwrap().addresses;
        assert_eq!(addresses(true), sockets(&["fd00::2", "fd00::1", "10.0.0.2", "10.0.0.1"]));
        assert_eq!(addresses(false), sockets(&["10.0.0.2", "10.0.0.1", "fd00::2", "fd00::1"]));
    }

    #[test]
    fn an_answer_holds_for_its_shortest_ttl_within_bounds() {
        let hold = |v4, v6| {
            let both = [answer(&["10.0.0.1"], v4), answer(&["fd00::1"], v6)];
            join(both, &[], 80, |_| true).unwrap().hold.as_secs()
        };
        assert_eq!([hold(20, 10), hold(0, 10), hold(3600, 86_400)], [10, 1, 30]);
    }

    #[test]
    fn what_is_known_of_a_family_that_cannot_be_asked_is_kept() {
        let known = sockets(&["10.0.0.1", "fd00::1"]);
        let found = join([answer(&["10.0.0.2"], 9), failed()], &known, 80, |_| false).unwrap();
        assert_eq!(found.addresses, sockets(&["10.0.0.2", "fd00::1"]));
        assert_eq!(found.lack.as_deref(), Some("no"));
        let found = join([failed(), Answer::Nothing], &known, 80, |_| false).unwrap();
        assert_eq!(found.addresses, sockets(&["10.0.0.1"]), "the other has none any more");
    }

    #[test]
    fn nothing_is_known_anew_where_nobody_could_be_asked() {
        let known = sockets(&["10.0.0.1"]);
        let why = |answers| join(answers, &known, 80, |_| true).unwrap_err();
        assert_eq!(why([failed(), failed()]).as_deref(), Some("no"));
        assert_eq!(why([Answer::Nothing, Answer::Nothing]), None);
    }

    #[test]
    fn names_of_the_hosts_file_are_the_systems() {
        let hosts = "127.0.0.1 here\n10.0.0.1\tdb.internal DB # not.this\n# 10.0.0.2 nor.this\n";
        let found = ["here", "db.internal", "db", "not.this", "nor.this", "10.0.0.1"]
            .map(|name| is_in_hosts(hosts, name));
        assert_eq!(found, [true, true, true, false, false, false]);
        assert!(
            is_local("localhost") && is_local("a.LOCALHOST.") && !is_local("localhost.example")
        );
    }

    #[test]
    fn numbers_are_no_names() {
        let numeric = ["127.1", "2130706433", "0x7f000001", "a.1", "1.a", "0xg", "a"];
        assert_eq!(numeric.map(is_numeric), [true, true, true, true, false, false, false]);
    }

    #[test]
    fn this_machine_can_be_reached() {
        assert!(is_reachable(([127, 0, 0, 1], 80).into()));
    }
}
