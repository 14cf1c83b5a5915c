//! Who asks: the peer, or the client that a trusted proxy names.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use crate::fields::Fields;

use crate::{
    config::Network,
    message::{Client, TlsSession},
};

/// A client, and whether its peer's forwarding headers are believed.
pub(super) struct Known {
    pub(super) client: Client,
    pub(super) trusted: bool,
}

impl Client {
    /// The client behind trusted proxies: the rightmost address of `X-Forwarded-For` that is not
    /// a trusted proxy's. What an untrusted peer says is not looked at.
    pub(super) fn of(
        peer: SocketAddr,
        tls: Option<Arc<TlsSession>>,
        headers: &Fields,
        trusted_proxies: &[Network],
    ) -> Known {
        let is_trusted = |ip| trusted_proxies.iter().any(|network| network.contains(ip));
        let trusted = is_trusted(peer.ip());
        let mut address = peer.ip().to_canonical();
        let mut https = tls.is_some();
        if trusted {
            let named = headers.get_all("x-forwarded-for").filter_map(|v| v.to_str().ok());
            let hops: Vec<_> = named.flat_map(|v| v.split(',')).collect();
            for hop in hops.iter().rev() {
                let Some(ip) = address_in(hop.trim()) else { break };
                address = ip;
                if !is_trusted(ip) {
                    break;
                }
            }
            if let Some(proto) = headers.get("x-forwarded-proto") {
                https = proto.as_bytes().eq_ignore_ascii_case(b"https");
            }
        }
        Known { client: Client { peer, address, tls, https }, trusted }
    }
}

/// An address that a proxy has written, which some do with its port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
fn address_in(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address: Option<IpAddr> = text.parse().ok();
    address.or_else(with_port).or_else(|| bare().map(IpAddr::V6)).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_peers_name_the_client() {
        let mut headers = Fields::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.9".parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        let trusted = [Network { address: "10.0.0.0".parse().unwrap(), prefix: 8 }];
        let of = |peer: &str| Client::of(peer.parse().unwrap(), None, &headers, &trusted).client;
        let behind = of("10.0.0.1:5");
        assert_eq!((behind.address.to_string().as_str(), behind.https), ("1.2.3.4", true));
        for (said, client) in [
            ("1.2.3.4:4711, 10.0.0.9", "1.2.3.4"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("1.2.3.4, unknown", "10.0.0.1"),
            ("1.2.3.4:x", "10.0.0.1"),
        ] {
            let headers = Fields::from_iter([(
                http::HeaderName::from_static("x-forwarded-for"),
                said.parse().unwrap(),
            )]);
            let known = Client::of("10.0.0.1:5".parse().unwrap(), None, &headers, &trusted);
            assert_eq!(known.client.address.to_string(), client, "{said}");
        }
        let direct = of("9.9.9.9:5");
        assert_eq!((direct.address.to_string().as_str(), direct.https), ("9.9.9.9", false));
    }
}
