//! What goes over a network in the clear, and what listens where others can reach it.

use std::net::IpAddr;

use super::{Found, Severity};
use crate::{config::FetchGrant, upstream::is_public};

pub(super) fn find(found: &mut Found<'_, '_>) {
    listeners(found);
    upstreams(found);
    origins(found);
}

fn listeners(found: &mut Found<'_, '_>) {
    let config = found.subject.config;
    for listener in &config.listeners {
        if listener.tls.is_empty() && !listener.address.ip().is_loopback() {
            let (name, address) = (&listener.name, listener.address);
            let message = format!("listener `{name}` takes plain HTTP on {address}");
            let help = "give it `tls`, or bind it to loopback behind what ends TLS";
            found.add(Severity::Medium, "plain-listener", listener.address_span, message, help);
        }
    }
    if let Some(admin) = config.admin.as_ref().filter(|admin| !admin.address.ip().is_loopback()) {
        let message = format!("[admin] is on {}, its token in the clear", admin.address);
        let help = "bind it to 127.0.0.1, and let the collector of metrics come there";
        found.add(Severity::Medium, "public-admin", admin.address_span, message, help);
    }
}

fn upstreams(found: &mut Found<'_, '_>) {
    for upstream in found.subject.config.upstreams.iter().filter(|u| u.tls.is_none()) {
        let far = upstream.targets.iter().find(|target| !is_near(&target.host));
        let Some(target) = far else { continue };
        let message =
            format!("upstream `{}` is called over plain HTTP at {}", upstream.name, target.host);
        let help = "write tls = true; plain HTTP is for this machine and private networks";
        found.add(Severity::Medium, "plain-upstream", target.span, message, help);
    }
}

fn origins(found: &mut Found<'_, '_>) {
    let config = found.subject.config;
    for plugin in &config.plugins {
        for grant in &plugin.grants.fetch {
            let FetchGrant::Origin { https: false, host, .. } = grant else { continue };
            if !is_near(host) {
                let message = format!("plugin `{}` may call {grant}, in the clear", plugin.name);
                let help = "grant the https:// origin";
                let span = plugin.grants.span;
                found.add(Severity::Medium, "plain-origin", span, message, help);
            }
        }
    }
}

/// Names that are no names of the Internet: RFC 6761, RFC 6762, RFC 8375, RFC 9476 and ICANN's
/// `internal`; and clusters' own.
const PRIVATE: [&str; 7] =
    [".localhost", ".local", ".home.arpa", ".alt", ".internal", ".svc", ".cluster.local"];

/// On this machine, in a private network, or called by a name that only such a network has.
fn is_near(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => !is_public(address),
        Err(_) => !host.contains('.') || PRIVATE.iter().any(|suffix| host.ends_with(suffix)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn what_is_near() {
        for near in ["127.0.0.1", "::1", "10.1.2.3", "fd00::1", "orders", "orders.internal"] {
            assert!(is_near(near), "{near}");
        }
        for far in ["1.1.1.1", "2606:4700::1111", "orders.example.com", "internal.example"] {
            assert!(!is_near(far), "{far}");
        }
    }
}
