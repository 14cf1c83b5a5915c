//! Names and addresses of machines.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::uri::Authority;

use super::{
    Network,
    fault::{Fault, quote},
};

/// `127.0.0.1:8080`, an address to bind.
pub(super) fn socket_address(text: &str) -> Result<SocketAddr, Fault> {
    text.parse().map_err(|_| {
        let fault = Fault::new("is not an address and a port");
        let port = |text: &str| text.parse::<u16>().is_ok();
        match text.rsplit_once(':') {
            _ if text.contains("://") => fault.help("write it without scheme: \"127.0.0.1:8080\""),
            Some((host, number)) if port(number) && (host.is_empty() || host == "*") => {
                fault.help(format!("write \"0.0.0.0:{number}\" for all addresses, \"127.0.0.1:{number}\" for this machine only"))
            }
            Some(("localhost", number)) if port(number) => {
                fault.help(format!("an address to listen on is no name: write \"127.0.0.1:{number}\""))
            }
            Some((host, number)) if port(number) && host.parse::<Ipv6Addr>().is_ok() => {
                fault.help(format!("write \"[{host}]:{number}\""))
            }
            None if text.parse::<IpAddr>().is_ok() => fault.help(format!("add a port: \"{text}:8080\"")),
            None if port(text) => fault.help(format!("write \"127.0.0.1:{text}\" or \"0.0.0.0:{text}\"")),
            _ => fault.help("write an IP address and a port: \"127.0.0.1:8080\", \"[::1]:8080\""),
        }
    })
}

/// How many bits say that an address is an IPv4-mapped one (RFC 4291, 2.5.5.2).
const MAPPED: u8 = 96;

/// `10.0.0.0/8`, or one address.
pub(super) fn network(text: &str) -> Result<Network, Fault> {
    let fault = || {
        Fault::new("is not a network")
            .help("write an address and its prefix: \"10.0.0.0/8\", \"fd00::/8\"")
    };
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| fault())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(prefix) => prefix.parse().map_err(|_| fault())?,
        None => longest,
    };
    if prefix > longest {
        return Err(Fault::new(format!("has a prefix of more than {longest} bits")));
    }
    unmapped(Network { address, prefix }).ok_or_else(|| {
        Fault::new("is wider than IPv4").help("write \"0.0.0.0/0\" for all IPv4 addresses")
    })
}

/// Addresses are compared as IPv4 if they can be, so networks are too: `::ffff:10.0.0.0/104` is `10.0.0.0/8`. None for
/// one that is wider than all of IPv4.
fn unmapped(network: Network) -> Option<Network> {
    let address = network.address.to_canonical();
    if address == network.address {
        return Some(network);
    }
    Some(Network { address, prefix: network.prefix.checked_sub(MAPPED)? })
}

/// `catalog.internal:9001`, a place to connect to: host (IPv6 without brackets) and port.
pub(super) fn target(text: &str) -> Result<(String, u16), Fault> {
    let fault = Fault::new("is not a host and a port");
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(fault.help(without_scheme(scheme, rest)));
    }
    if text.contains('/') {
        return Err(fault
            .help("a target has no path: write \"host:port\" (`rewrite` of a route sets a path)"));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(fault.help("write an IPv6 address in brackets: \"[::1]:8080\""));
    }
    let Some((host, port)) = split_port(text).or_else(|| text.rsplit_once(':')) else {
        return Err(fault.help(format!("add the port: \"{text}:8080\"")));
    };
    let port = port.parse().ok().filter(|port| *port > 0);
    let port = port.ok_or_else(|| fault.help("the port is a number from 1 to 65535"))?;
    Ok((self::host(host)?, port))
}

fn without_scheme(scheme: &str, rest: &str) -> String {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let default = if scheme == "https" { 443 } else { 80 };
    let written = match split_port(authority) {
        Some(_) => authority.to_owned(),
        None => format!("{authority}:{default}"),
    };
    let tls = if scheme == "https" {
        " and add `tls = true` to the upstream"
    } else {
        "; for TLS add `tls = true`"
    };
    let path = if path.is_empty() { "" } else { "; the path goes to `rewrite` of the routes" };
    format!("write \"{written}\"{tls}{path}")
}

/// Splits at the colon before the port; the colons of an IPv6 address are not such ones.
pub(super) fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    (host.ends_with(']') || !host.contains(':')).then_some((host, port))
}

/// A name or an address, in lower case; IPv6 loses its brackets.
pub(super) fn host(text: &str) -> Result<String, Fault> {
    let fault = || Fault::new("is not a host name");
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        let address: Ipv6Addr =
            address.parse().map_err(|_| Fault::new("is not an IPv6 address"))?;
        return Ok(address.to_string());
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(fault().help(format!("write an IPv6 address in brackets: \"[{text}]\"")));
    }
    let label = |label: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&label.len()) && label.chars().all(allowed)
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > 253 || !name.split('.').all(label) {
        let hint = "a host name is made of letters, digits, `-` and dots";
        return Err(fault().help(if text.is_ascii() {
            hint
        } else {
            "write it in its ASCII form (xn--...)"
        }));
    }
    Ok(text.to_ascii_lowercase())
}

/// `shop.example` or `shop.example:8443`, as it stands in `Host`; in lower case.
pub(super) fn authority(text: &str) -> Result<Authority, Fault> {
    let fault = || Fault::new("is not a host, with or without a port");
    if let Some((_, rest)) = text.split_once("://") {
        let name = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return Err(fault().help(format!("write it without scheme and path: \"{name}\"")));
    }
    if text.contains(['/', '@']) {
        return Err(fault().help("it has neither a user nor a path: \"api.partner.example\""));
    }
    let written = match split_port(text) {
        None => bracketed(&host(text)?),
        Some((name, port)) => {
            let port = port.parse().ok().filter(|port: &u16| *port > 0);
            let port = port.ok_or_else(|| fault().help("the port is a number from 1 to 65535"))?;
            format!("{}:{port}", bracketed(&host(name)?))
        }
    };
    written.parse().map_err(|_| fault())
}

/// The host as it stands before a port: an IPv6 address in brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// `shop.example` or `*.shop.example`, as a route matches it.
pub(super) fn pattern(text: &str) -> Result<String, Fault> {
    let fault = || Fault::new("is not a host to match");
    if text == "*" {
        return Err(fault().help("leave `hosts` out to match every host"));
    }
    if text.contains("://") {
        return Err(fault().help("write it without scheme: \"shop.example\""));
    }
    if let Some((host, port)) = split_port(text)
        && port.parse::<u16>().is_ok()
    {
        let host = quote(host);
        return Err(fault()
            .help(format!("the port does not count: write {host} (`listen` picks a listener)")));
    }
    let bracketed = text.starts_with('[');
    let name = text.strip_prefix("*.").unwrap_or(text);
    if name.contains('*') || (name != text && name.starts_with('[')) {
        return Err(
            fault().help("a `*` stands for whole labels at the beginning: \"*.shop.example\"")
        );
    }
    let name = host(name)?;
    Ok(match () {
        () if bracketed => format!("[{name}]"),
        () if text.starts_with("*.") => format!("*.{name}"),
        () => name,
    })
}

/// An origin that a plugin may call: `https://idp.example`, `http://127.0.0.1:9000`.
pub(super) fn origin(scheme: &str, rest: &str) -> Result<(bool, String, u16), Fault> {
    let fault = || Fault::new("is not an origin");
    let https = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err(fault().help("the scheme is http or https")),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        return Err(
            fault().help(format!("an origin has no path: write \"{scheme}://{authority}\""))
        );
    }
    if authority.contains(['@', '*']) {
        return Err(fault().help("an origin has neither a user nor a `*`: \"https://idp.example\""));
    }
    let default = if https { 443 } else { 80 };
    let (name, port) = match split_port(authority) {
        Some((name, port)) => (name, port.parse().ok().filter(|port| *port > 0)),
        None => (authority, Some(default)),
    };
    let port = port.ok_or_else(|| fault().help("the port is a number from 1 to 65535"))?;
    Ok((https, host(name)?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
        result.unwrap_err().help.unwrap_or_default()
    }

    #[test]
    fn addresses_to_bind() {
        assert!(socket_address("127.0.0.1:8080").is_ok());
        assert!(socket_address("[::1]:8080").is_ok());
        assert!(help(socket_address(":8080")).starts_with("write \"0.0.0.0:8080\""));
        assert!(help(socket_address("localhost:80")).ends_with("write \"127.0.0.1:80\""));
        assert_eq!(help(socket_address("::1:80")), "write \"[::1]:80\"");
        assert_eq!(help(socket_address("10.0.0.1")), "add a port: \"10.0.0.1:8080\"");
    }

    #[test]
    fn networks() {
        let net = network("10.0.0.0/8").unwrap();
        assert!(net.contains("10.1.2.3".parse().unwrap()));
        assert!(!net.contains("11.1.2.3".parse().unwrap()));
        assert_eq!(network("::1").unwrap().prefix, 128);
        assert!(network("10.0.0.0/33").is_err());
        assert!(network("10.0.0/8").is_err());
    }

    #[test]
    fn a_network_of_ipv4_is_one_in_ipv6_clothes_too() {
        for text in ["::ffff:10.0.0.0/104", "::ffff:10.1.2.3"] {
            let network = network(text).unwrap();
            assert!(network.contains("10.1.2.3".parse().unwrap()), "{text}");
            assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()), "{text}");
            assert!(!network.contains("11.1.2.3".parse().unwrap()), "{text}");
        }
        assert!(network("::/0").unwrap().contains("2001:db8::1".parse().unwrap()));
        assert_eq!(help(network("::ffff:0:0/90")), "write \"0.0.0.0/0\" for all IPv4 addresses");
    }

    #[test]
    fn targets() {
        assert_eq!(target("Catalog.internal:9001"), Ok(("catalog.internal".into(), 9001)));
        assert_eq!(target("[::1]:9001"), Ok(("::1".into(), 9001)));
        assert_eq!(
            help(target("https://a.example/x")),
            "write \"a.example:443\" and add `tls = true` to the upstream; the path goes to `rewrite` of the routes"
        );
        assert_eq!(
            help(target("http://a.example:81")),
            "write \"a.example:81\"; for TLS add `tls = true`"
        );
        assert_eq!(help(target("catalog")), "add the port: \"catalog:8080\"");
        for wrong in ["a:0", "a:70000", "a:", ":80", "a b:80", "::1:80", "a..b:1", "é:1"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn authorities() {
        for (text, read) in [
            ("API.partner.example", "api.partner.example"),
            ("api.partner.example:443", "api.partner.example:443"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("[::1]", "[::1]"),
            ("[0::1]:8443", "[::1]:8443"),
        ] {
            assert_eq!(authority(text).unwrap(), read);
        }
        assert_eq!(
            help(authority("https://a.example:81/x")),
            "write it without scheme and path: \"a.example:81\""
        );
        assert_eq!(help(authority("::1")), "write an IPv6 address in brackets: \"[::1]\"");
        for wrong in ["", "a b", "a:0", "a:", ":80", "u@a", "a/b", "a..b", "*.a", "é"] {
            assert!(authority(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn patterns() {
        assert_eq!(pattern("Shop.example"), Ok("shop.example".into()));
        assert_eq!(pattern("*.shop.example"), Ok("*.shop.example".into()));
        assert_eq!(pattern("[::1]"), Ok("[::1]".into()));
        for wrong in ["*", "a.*.b", "*a.b", "shop.example:80", "https://a", ""] {
            assert!(pattern(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn origins() {
        assert_eq!(origin("https", "idp.example"), Ok((true, "idp.example".into(), 443)));
        assert_eq!(origin("http", "[::1]:9000"), Ok((false, "::1".into(), 9000)));
        for (scheme, rest) in
            [("ftp", "a"), ("https", "a/b"), ("https", "u@a"), ("http", "*.a"), ("http", "a:0")]
        {
            assert!(origin(scheme, rest).is_err(), "{rest}");
        }
    }
}
