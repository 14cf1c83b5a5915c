//! Addresses that count as one client. Nothing here knows the gateway.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many bits of an address tell clients apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefixes {
    /// At most 32.
    pub(crate) ipv4: u8,
    /// At most 128.
    pub(crate) ipv6: u8,
}

impl Prefixes {
    /// The network of an address: `2001:db8:1:2::/64`. A whole address has no `/`. None for what is
    /// no address.
    pub(crate) fn network(self, address: &str) -> Option<String> {
        let address: IpAddr = address.parse().ok()?;
        // An IPv4 client of an IPv6 socket is an IPv4 client.
        let (network, bits, all): (IpAddr, _, _) = match address.to_canonical() {
            IpAddr::V4(v4) => (mask_v4(v4, self.ipv4).into(), self.ipv4, 32),
            IpAddr::V6(v6) => (mask_v6(v6, self.ipv6).into(), self.ipv6, 128),
        };
        Some(if bits >= all { network.to_string() } else { format!("{network}/{bits}") })
    }
}

fn mask_v4(address: Ipv4Addr, bits: u8) -> Ipv4Addr {
    let host_bits = 32 - u32::from(bits.min(32));
    let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn mask_v6(address: Ipv6Addr, bits: u8) -> Ipv6Addr {
    let host_bits = 128 - u32::from(bits.min(128));
    let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(ipv4: u8, ipv6: u8, address: &str) -> String {
        Prefixes { ipv4, ipv6 }.network(address).unwrap()
    }

    #[test]
    fn who_owns_a_network_is_one_client() {
        assert_eq!(network(32, 64, "192.0.2.77"), "192.0.2.77");
        assert_eq!(network(24, 64, "192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network(32, 64, "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network(32, 64, "2001:db8:1:2::ffff"), "2001:db8:1:2::/64");
        assert_eq!(network(32, 48, "2001:db8:1:2::1"), "2001:db8:1::/48");
        assert_eq!(network(32, 128, "2001:db8::1"), "2001:db8::1");
        assert_eq!(network(0, 0, "192.0.2.77"), "0.0.0.0/0");
        assert_eq!(network(0, 0, "2001:db8::1"), "::/0");
    }

    #[test]
    fn an_ipv4_client_of_an_ipv6_socket_is_not_all_of_them() {
        assert_eq!(network(32, 64, "::ffff:192.0.2.77"), "192.0.2.77");
    }

    #[test]
    fn what_is_no_address_has_no_network() {
        for wrong in ["", "unknown", "192.0.2", "192.0.2.1:80", "[::1]", "fe80::1%eth0"] {
            assert_eq!(Prefixes { ipv4: 32, ipv6: 64 }.network(wrong), None, "{wrong}");
        }
    }
}
