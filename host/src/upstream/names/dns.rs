//! Asks DNS servers for the addresses of one name.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
    time::Duration,
};

use futures_util::future::{Either, select};
use hickory_resolver::{
    TokioResolver,
    config::{
        NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
    },
    net::runtime::TokioRuntimeProvider,
    proto::rr::{Name, RecordType},
    system_conf::read_system_conf,
};
use tokio::time::timeout;

/// How long one family's answer waits for the other's: some servers swallow questions for AAAA.
const OTHER_FAMILY: Duration = Duration::from_secs(1);

/// What is said of a name in one family of addresses.
#[derive(Debug)]
pub(super) enum Answer {
    /// Not empty, and for how long that holds.
    Addresses(Vec<IpAddr>, Duration),
    /// There is none.
    Nothing,
    /// Nobody says, and why.
    Failed(String),
}

/// A question and whom to ask. Made for one look-up: no socket, task or cache outlives it.
pub(super) struct Dns {
    /// The names that may be meant, the likeliest first.
    names: Vec<Name>,
    resolver: TokioResolver,
}

impl Dns {
    /// Asks `servers`, or those of `/etc/resolv.conf`, whose search domains and options hold for
    /// both. None if that is nobody, or the name is none of DNS. Blocks: it reads that file.
    pub(super) fn new(host: &str, servers: &[SocketAddr]) -> Option<Self> {
        let name = Name::from_str_relaxed(host).ok()?;
        let system = read_system_conf().ok();
        if system.is_none() && servers.is_empty() {
            return None;
        }
        let (mut config, mut options) = system.unwrap_or_default();
        let names = candidates(&name, config.search(), options.ndots);
        if !servers.is_empty() {
            let servers = servers.iter().copied().map(server).collect();
            config = ResolverConfig::from_parts(None, Vec::new(), servers);
        }
        take_as_written(&mut options);
        let provider = TokioRuntimeProvider::default();
        let builder = TokioResolver::builder_with_config(config, provider).with_options(options);
        Some(Self { names, resolver: builder.build().ok()? })
    }

    /// IPv4 and IPv6, of the first name that has either. A server that fails ends the search: what
    /// a later name says may not be what is meant.
    pub(super) async fn ask(&self) -> [Answer; 2] {
        for name in &self.names {
            let answers = self.ask_for(name).await;
            if !answers.iter().all(|answer| matches!(answer, Answer::Nothing)) {
                return answers;
            }
        }
        [Answer::Nothing, Answer::Nothing]
    }

    async fn ask_for(&self, name: &Name) -> [Answer; 2] {
        let (v4, v6) = (self.family(name, RecordType::A), self.family(name, RecordType::AAAA));
        match select(pin!(v4), pin!(v6)).await {
            Either::Left((v4, v6)) => {
                let v6 = beside(&v4, v6).await;
                [v4, v6]
            }
            Either::Right((v6, v4)) => [beside(&v6, v4).await, v6],
        }
    }

    async fn family(&self, name: &Name, family: RecordType) -> Answer {
        let lookup = match self.resolver.lookup(name.clone(), family).await {
            Ok(lookup) => lookup,
            Err(why) if why.is_no_records_found() => return Answer::Nothing,
            Err(why) => return Answer::Failed(format!("{family}: {why}")),
        };
        let records = lookup.answers();
        let addresses: Vec<_> = records.iter().filter_map(|it| it.data.ip_addr()).collect();
        // Of the aliases on the way as well.
        let ttl = records.iter().map(|record| record.ttl).min().unwrap_or_default();
        match addresses.is_empty() {
            true => Answer::Nothing,
            false => Answer::Addresses(addresses, Duration::from_secs(ttl.into())),
        }
    }
}

/// The answer that is still to come.
async fn beside(first: &Answer, second: impl Future<Output = Answer>) -> Answer {
    if !matches!(first, Answer::Addresses(..)) {
        return second.await;
    }
    let late = |_| Answer::Failed("one family of addresses is not answered".to_owned());
    timeout(OTHER_FAMILY, second).await.unwrap_or_else(late)
}

/// As resolv.conf(5) says: a name with `ndots` dots is first taken as it stands.
fn candidates(name: &Name, search: &[Name], ndots: usize) -> Vec<Name> {
    let mut whole = name.clone();
    whole.set_fqdn(true);
    if name.is_fqdn() {
        return vec![whole];
    }
    let mut names: Vec<_> =
        search.iter().filter_map(|domain| name.clone().append_domain(domain).ok()).collect();
    names.iter_mut().for_each(|name| name.set_fqdn(true));
    let first = usize::from(name.num_labels()) > ndots;
    names.insert(if first { 0 } else { names.len() }, whole);
    names
}

/// Nobody but the servers is asked, in their order, as often as resolv.conf(5) says (`attempts` are
/// all of them, and here those that follow the first), and no answer is kept.
fn take_as_written(options: &mut ResolverOpts) {
    options.attempts = options.attempts.saturating_sub(1);
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
}

fn server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    server.connections.iter_mut().for_each(|connection| connection.port = address.port());
    server
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(written: &str, ndots: usize) -> Vec<String> {
        let name = |name: &str| Name::from_str_relaxed(name).unwrap();
        let search = [name("svc.cluster.local"), name("example.")];
        candidates(&name(written), &search, ndots).iter().map(Name::to_string).collect()
    }

    #[test]
    fn search_domains_come_before_or_behind_the_name_by_its_dots() {
        let [whole, service, example] = ["a.b.", "a.b.svc.cluster.local.", "a.b.example."];
        assert_eq!(meant("a.b", 1), [whole, service, example]);
        assert_eq!(meant("a.b", 5), [service, example, whole]);
        assert_eq!(meant("a.b.", 5), [whole], "it says that it is complete");
    }
}
