//! What a request asks for: its target, and the one host that it is for.

use std::net::Ipv6Addr;

use http::{Method, Version, header};

use super::Entrance;
use crate::{config::ListenLimits, heads::RequestHead, message::Fragment, rescue::Trouble};

/// Refuses targets that are no path of a server.
pub(super) fn check_target(head: &RequestHead, entrance: &Entrance) -> Result<(), Trouble> {
    if head.method == Method::CONNECT {
        return Err(Trouble::BadRequest("CONNECT is for forward proxies"));
    }
    if head.extensions.get::<Fragment>().is_some() {
        return Err(Trouble::BadRequest("its target has a fragment"));
    }
    let uri = &head.uri;
    let length = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    if length > entrance.limits.uri_bytes {
        return Err(Trouble::UriTooLong(entrance.limits.uri_bytes));
    }
    // RFC 3986, 2: what is not ASCII is percent-encoded. Servers do not agree on what else it is.
    if !uri.path().is_ascii() || !uri.query().unwrap_or_default().is_ascii() {
        return Err(Trouble::BadRequest("its target has bytes that are not ASCII"));
    }
    if !uri.path().starts_with('/') && !is_server_wide(head) {
        return Err(Trouble::BadRequest("its target is not a path"));
    }
    if head.version == Version::HTTP_09 {
        return Err(Trouble::BadRequest("HTTP/0.9 is not spoken here"));
    }
    Ok(())
}

/// Refuses heads that are too large. Those of HTTP/1.1 were measured where they were read.
pub(super) fn check_size(head: &RequestHead, limits: &ListenLimits) -> Result<(), Trouble> {
    if head.version != Version::HTTP_2 {
        return Ok(());
    }
    let fields = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    let target = head.uri.path().len() + head.uri.query().map_or(0, str::len);
    let (bytes, most) = (target + fields.sum::<usize>(), limits.head_bytes);
    match bytes > most || head.headers.len() > limits.headers {
        true => Err(Trouble::HeadTooLarge { bytes: most, fields: limits.headers }),
        false => Ok(()),
    }
}

/// Whether it asks what the server can do, not about anything that it serves (RFC 9110, 9.3.7). No
/// other method may have that target.
pub(super) fn is_server_wide(head: &RequestHead) -> bool {
    head.uri.path() == "*" && head.uri.query().is_none() && head.method == Method::OPTIONS
}

/// The one host that the request is for. RFC 9112, 3.2: a missing, repeated or invalid `Host` is a
/// 400; an authority in the target wins, and must then be the same (RFC 9110, 7.4), for two names
/// would be routed by one and served by the other.
pub(super) fn authority(head: &RequestHead) -> Result<String, Trouble> {
    let mut hosts = head.headers.get_all(header::HOST);
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(Trouble::BadRequest("it has more than one Host")),
        (None, None) => None,
        (Some(host), None) => {
            Some(host.to_str().map_err(|_| Trouble::BadRequest("its Host is not a host"))?)
        }
    };
    let in_target = head.uri.authority().map(http::uri::Authority::as_str);
    match (in_target, host) {
        (Some(target), Some(host)) if !target.eq_ignore_ascii_case(host) => {
            Err(Trouble::BadRequest("its Host and its target name two hosts"))
        }
        (Some(name), _) | (None, Some(name)) => valid_authority(name),
        (None, None) if head.version == Version::HTTP_10 => Ok(String::new()),
        (None, None) => Err(Trouble::BadRequest("it has no Host")),
    }
}

/// A name without the dot at its end, which says that it is a whole one and nothing else: `a.example.` is the host
/// `a.example` to whoever serves it, so it must be to routes and plugins.
fn valid_authority(name: &str) -> Result<String, Trouble> {
    let host = host_of(name);
    let port = &name[host.len()..];
    let bare = host.strip_suffix('.').unwrap_or(host);
    if !(is_name(bare) || is_ipv6(host)) || !is_port(port) {
        return Err(Trouble::BadRequest("its Host is not a host"));
    }
    Ok(if bare.len() == host.len() { name.to_owned() } else { format!("{bare}{port}") })
}

/// Whether it is a name or an IPv4 address: labels, none of which is empty (RFC 1123, 2.1), with the underscore that
/// names of services inside have. What else RFC 3986, 3.2.2 has for names, nobody is called.
fn is_name(host: &str) -> bool {
    let mut before = b'.';
    for byte in host.bytes() {
        if !IN_LABEL[usize::from(byte)] && (byte != b'.' || before == b'.') {
            return false;
        }
        before = byte;
    }
    before != b'.'
}

/// Which bytes labels have.
static IN_LABEL: [bool; 256] = {
    let (mut bytes, mut byte) = ([false; 256], 0);
    while byte < 128 {
        let is_sign = matches!(byte, b'-' | b'_');
        bytes[byte as usize] = byte.is_ascii_alphanumeric() || is_sign;
        byte += 1;
    }
    bytes
};

fn is_ipv6(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// Whether what follows a host is nothing, or a port (RFC 3986, 3.2.3): `http` lets anything pass.
fn is_port(rest: &str) -> bool {
    match rest.strip_prefix(':') {
        Some(port) => port.is_empty() || port.parse::<u16>().is_ok_and(|_| !port.starts_with('+')),
        None => rest.is_empty(),
    }
}

/// The host without its port.
pub(super) fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str, hosts: &[&str]) -> RequestHead {
        let mut request = http::Request::builder().uri(target);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(()).unwrap().into_parts().0.into()
    }

    #[test]
    fn one_host_and_no_other() {
        assert_eq!(authority(&head("/", &["a.example:80"])).unwrap(), "a.example:80");
        assert!(authority(&head("http://a.example/", &["A.example"])).is_ok());
        assert!(authority(&head("/", &["[::1]:80"])).is_ok());
        assert!(authority(&head("/", &["a:"])).is_ok());
        assert_eq!(authority(&head("/", &["A_b.example.:80"])).unwrap(), "A_b.example:80");
        assert_eq!(authority(&head("/", &["a.example."])).unwrap(), "a.example");
        for (target, hosts) in [
            ("/", &[][..]),
            ("/", &["a", "b"]),
            ("/", &["a", "a"]),
            ("/", &["user@a"]),
            ("/", &[""]),
            ("/", &["a b"]),
            ("/", &["a:b"]),
            ("/", &["a:+1"]),
            ("/", &["a:65536"]),
            ("/", &["a.."]),
            ("/", &["."]),
            ("/", &["a..b"]),
            ("/", &["[a.example]"]),
            ("/", &["[::1"]),
            ("/", &["::1"]),
            ("/", &["a,b"]),
            ("/", &["a;b"]),
            ("http://a.example/", &["b.example"]),
        ] {
            assert!(authority(&head(target, hosts)).is_err(), "{target} {hosts:?}");
        }
    }

    #[test]
    fn hosts_without_their_ports() {
        for (authority, host) in
            [("a:80", "a"), ("a", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]")]
        {
            assert_eq!(host_of(authority), host);
        }
    }
}
