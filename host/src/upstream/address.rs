//! Which addresses a plugin's fetch may reach by name. Whoever holds a domain name can point it at
//! 169.254.169.254 or at a neighbour of ours, so the addresses are looked at and not the name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a name may resolve to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Anything: the configuration names the place.
    Any,
    /// The public Internet.
    Public,
    /// This machine: `localhost`, named literally.
    Loopback,
}

impl Policy {
    /// Refuses if any of the addresses is not allowed: a name with a public address beside a
    /// private one is an attack and not a service.
    pub(super) fn check(self, addresses: &[SocketAddr]) -> Result<(), String> {
        let allowed = |address: IpAddr| match self {
            Self::Any => true,
            Self::Public => is_public(address),
            Self::Loopback => address.to_canonical().is_loopback(),
        };
        match addresses.iter().find(|address| !allowed(address.ip())) {
            None => Ok(()),
            Some(address) if self == Self::Public => {
                Err(format!("it resolves to {}, which is not a public address", address.ip()))
            }
            Some(address) => Err(format!("it resolves to {}, which is not loopback", address.ip())),
        }
    }
}

/// Whether an address is one of the open Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The IANA special-purpose registry: what is not globally reachable, and multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, ..)          // this network, private, loopback
            | (100, 64..=127, _)    // carrier-grade NAT
            | (169, 254, _)         // link-local, and clouds' metadata
            | (172, 16..=31, _)     // private
            | (192, 0, 0 | 2)       // protocol assignments, documentation
            | (192, 88, 99)         // 6to4 relay
            | (192, 168, _)         // private
            | (198, 18..=19, _)     // benchmarks
            | (198, 51, 100)        // documentation
            | (203, 0, 113)         // documentation
            | (224..=255, ..) // multicast, reserved, broadcast
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // IPv4-mapped; NAT64; 6to4: as public as the IPv4 address inside.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(embedded(high, low))
        }
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Teredo and other protocol assignments, documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Only 2000::/3 is assigned to the Internet: loopback, unspecified, unique-local,
        // link-local, site-local and multicast are all outside.
        [first, ..] => first >> 13 == 1,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: Policy, addresses: &[&str]) -> bool {
        let parse = |a: &&str| SocketAddr::new(a.parse().unwrap(), 443);
        policy.check(&addresses.iter().map(parse).collect::<Vec<_>>()).is_ok()
    }

    #[test]
    fn public_is_the_internet_and_nothing_else() {
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"]
        {
            assert!(check(Policy::Public, &[public]), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
        ] {
            assert!(!check(Policy::Public, &[private]), "{private}");
        }
    }

    #[test]
    fn one_private_address_spoils_the_name() {
        assert!(!check(Policy::Public, &["1.1.1.1", "10.0.0.1"]));
        assert!(check(Policy::Any, &["1.1.1.1", "10.0.0.1"]));
        assert!(check(Policy::Loopback, &["127.0.0.1", "::1"]));
        assert!(!check(Policy::Loopback, &["127.0.0.1", "1.1.1.1"]));
    }
}
