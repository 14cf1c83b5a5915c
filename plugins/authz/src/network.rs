//! Networks of client addresses. Nothing here knows the gateway.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// `10.0.0.0/8`, `2001:db8::/32`, or one address. It is never an IPv4-mapped one, which would hold nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network(IpNet);

/// How many bits say that an address is an IPv4-mapped one (RFC 4291, 2.5.5.2).
const MAPPED: u8 = 96;

impl Network {
    /// An IPv4 address is one however it came in: `::ffff:10.0.0.1` is `10.0.0.1`.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let one = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        let Ok(network) = text.parse::<IpNet>().or_else(|_| one()) else {
            return Err(format!("`{text}` is no network: write \"10.0.0.0/8\" or \"2001:db8::1\""));
        };
        let network = unmapped(network).ok_or_else(|| {
            format!("`{text}` is wider than IPv4: write \"0.0.0.0/0\" for all IPv4 clients")
        })?;
        if network.trunc() != network {
            // One address or all of its network: the operator must say which.
            let (all, one) = (network.trunc(), network.addr());
            return Err(format!(
                "`{text}` is an address in a network: write \"{all}\" or \"{one}\""
            ));
        }
        Ok(Self(network))
    }
}

/// Addresses are compared as IPv4 if they can be, so networks are too: `::ffff:10.0.0.0/104` is `10.0.0.0/8`. None for
/// one that is wider than all of IPv4.
fn unmapped(network: IpNet) -> Option<IpNet> {
    let IpNet::V6(v6) = network else { return Some(network) };
    let Some(v4) = v6.addr().to_ipv4_mapped() else { return Some(network) };
    let bits = v6.prefix_len().checked_sub(MAPPED)?;
    Ipv4Net::new(v4, bits).ok().map(IpNet::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Result<Network, String> {
        Network::try_from(text.to_owned())
    }

    #[test]
    fn an_address_is_in_its_network() {
        for (text, address, is_in) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("::ffff:192.0.2.7", "192.0.2.7", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::ffff:127.0.0.0/104", "127.1.2.3", true),
            ("::ffff:127.0.0.0/104", "::ffff:127.1.2.3", true),
            ("::ffff:127.0.0.0/104", "128.0.0.1", false),
            ("::ffff:192.0.2.7/128", "192.0.2.7", true),
            ("::ffff:0:0/96", "192.0.2.7", true),
            ("::ffff:0:0/96", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(network(text).unwrap().contains(address), is_in, "{text} {address}");
        }
    }

    #[test]
    fn a_network_is_checked() {
        for text in ["", "10.0.0/8", "10.0.0.0/33", "example.com", "010.0.0.1"] {
            assert!(network(text).unwrap_err().contains("is no network"), "{text}");
        }
        let message = network("10.1.2.3/8").unwrap_err();
        assert!(message.ends_with("write \"10.0.0.0/8\" or \"10.1.2.3\""), "{message}");
        let message = network("::ffff:10.1.2.3/104").unwrap_err();
        assert!(message.ends_with("write \"10.0.0.0/8\" or \"10.1.2.3\""), "{message}");
        let message = network("::ffff:0:0/95").unwrap_err();
        assert!(message.ends_with("write \"0.0.0.0/0\" for all IPv4 clients"), "{message}");
    }
}
