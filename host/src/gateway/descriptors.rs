//! How many files and connections this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::config::Config;

/// Raises the limit as far as the machine lets us. The lower one that processes begin with is for
/// programs that use select(2).
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(why) = setrlimit(Resource::Nofile, raised) {
        warn!(%why, "the limit of open files cannot be raised");
    }
}

/// Says so if clients could use up all there is: then nobody else is served, and log files and
/// components cannot be opened.
pub(super) fn warn_if_few(config: &Config) {
    let connections = config.listeners.iter().map(|listener| listener.limits.connections).max();
    let connections = connections.unwrap_or_default() as u64;
    // Upstreams need some too, but how many depends on what the clients do.
    let wanted = connections + OWN;
    // None is no limit.
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if allowed < wanted {
        warn!(
            connections,
            allowed,
            wanted,
            "fewer files may be open than `limits.connections` can need: raise the hard limit \
             (LimitNOFILE= of systemd, `ulimit -Hn`), or lower `limits.connections`"
        );
    }
}

/// Sockets, logs, runtimes.
const OWN: u64 = 128;
