//! A request head becomes an exchange on a route, or is refused before anybody sees it.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use http::{HeaderMap, StatusCode, Version, request};

use super::{
    Course, Entrance, Proxy, Snapshot, forward, hop,
    target::{authority, check_size, check_target, host_of, is_server_wide},
    upgrade,
};
use crate::{
    config::Network,
    message::{Client, Exchange, TlsSession},
    rescue::{Trouble, is_grpc},
    router::{Asked, Found, NormalPath, Slashes},
};

/// How often a request may pass this gateway. A handler that calls a route of its own gateway is
/// fine; a circle is not.
const MAX_PASSES: usize = 4;

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
        headers: &HeaderMap,
        trusted_proxies: &[Network],
    ) -> Known {
        let is_trusted = |ip| trusted_proxies.iter().any(|network| network.contains(ip));
        let trusted = is_trusted(peer.ip());
        let mut address = peer.ip().to_canonical();
        let mut https = tls.is_some();
        if trusted {
            let named = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
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

/// A trusted proxy's request id if it is a plain one, else a new one.
fn request_id(headers: &HeaderMap, trusted: bool) -> Arc<str> {
    let plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= 128
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = || headers.get("x-request-id")?.to_str().ok().filter(plain);
    match trusted.then(given).flatten() {
        Some(id) => id.into(),
        None => {
            let mut id = [0; 32];
            random_digits(&mut id);
            std::str::from_utf8(&id).unwrap_or_default().into()
        }
    }
}

/// Fills with random digits of base 16, a multiple of two of them. Sixteen in a row are never all zero.
pub(super) fn random_digits(digits: &mut [u8]) {
    for digits in digits.chunks_mut(16) {
        for (pair, byte) in digits.chunks_exact_mut(2).zip(random_u64().to_be_bytes()) {
            pair.copy_from_slice(&PAIRS[usize::from(byte)]);
        }
    }
}

/// Each byte in base 16. Two ids for each request were 800 instructions, digit by digit.
static PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Random bits that need not be secret: ids and names.
pub(super) fn random_u64() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    thread_local! {
        // xorshift64*, seeded once for each thread from the hash map's random keys.
        static STATE: std::cell::Cell<u64> = std::cell::Cell::new(
            RandomState::new().build_hasher().finish() | 1
        );
    }
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    })
}

/// A request that came this far, and its way.
pub(super) struct Admitted<'a> {
    pub(super) course: Course<'a>,
    /// There is no route for it. Its listener's plugins see it all the same: a preflight is for
    /// them to answer, and whoever is not let in need not know what there is.
    pub(super) astray: Option<Trouble>,
}

/// The exchange of what is no request.
pub(super) fn unread(peer: SocketAddr, tls: Option<Arc<TlsSession>>) -> Box<Exchange> {
    let nothing = HeaderMap::new();
    let Known { client, trusted } = Client::of(peer, tls, &nothing, &[]);
    Box::new(Exchange { id: request_id(&nothing, trusted), client, ..Exchange::vacant() })
}

/// The exchange of a request that nobody has looked at yet.
pub(super) fn begin(
    mut head: request::Parts,
    peer: SocketAddr,
    tls: Option<Arc<TlsSession>>,
    entrance: &Entrance,
) -> Box<Exchange> {
    // Read before anything is taken off.
    let known = Client::of(peer, tls, &head.headers, &entrance.trusted_proxies);
    let id = request_id(&head.headers, known.trusted);
    let mut hop = hop::take_hop(&mut head.headers);
    hop.is_from_proxy = known.trusted;
    if head.version == Version::HTTP_2 {
        hop::join_crumbs(&mut head.headers);
    }
    upgrade::translate(&mut head, &mut hop);
    // A refused CONNECT must not look like one that was granted.
    let may_be = head.version == Version::HTTP_2 && !hop.is_connect;
    hop.is_grpc = may_be && is_grpc(&head.headers);
    Box::new(Exchange { id, client: known.client, hop, request: head, ..Exchange::vacant() })
}

impl Proxy {
    pub(super) fn admit<'a>(
        &self,
        snapshot: &'a Snapshot,
        exchange: &mut Exchange,
        entrance: &Entrance,
    ) -> Result<Admitted<'a>, Trouble> {
        let head = &exchange.request;
        check_size(head, &entrance.limits)?;
        check_target(head, entrance)?;
        if exchange.hop.is_coded {
            return Err(Trouble::BadRequest("its transfer coding is not `chunked` alone"));
        }
        exchange.authority = authority(head)?;
        if is_server_wide(head) {
            return Err(Trouble::ServerWide);
        }
        if forward::max_forwards(head) == Some(0) {
            return Err(Trouble::LastHop);
        }
        self.check_loop(&head.headers)?;
        let (path, found) = find(snapshot, entrance, head, &exchange.authority)?;
        let (route, astray) = match found {
            Found::Route(index, params) => {
                exchange.params = params;
                (&snapshot.routes[index], None)
            }
            Found::OtherMethods(methods) => {
                (&snapshot.unrouted, Some(Trouble::OtherMethods(methods)))
            }
            Found::Nothing => (&snapshot.unrouted, Some(Trouble::NoRoute)),
        };
        // Dot segments and empty ones are gone from what is forwarded, as they are from what was matched.
        let normal = (path.encoded != head.uri.path()).then(|| path.encoded.into_owned());
        if let Some(normal) = normal {
            exchange.normalize(&normal).ok_or(Trouble::BadRequest("its target is malformed"))?;
        }
        exchange.route = route.name.clone();
        exchange.upstreams = route.upstream_names.clone();
        exchange.deadline = exchange.started + route.timeout;
        let log = snapshot.access_log.as_deref();
        let course = route.course(&entrance.listener, log).ok_or(Trouble::NoRoute)?;
        let astray = astray.or_else(|| upgrade::ungranted(route, &exchange.hop));
        Ok(Admitted { course, astray })
    }

    fn check_loop(&self, headers: &HeaderMap) -> Result<(), Trouble> {
        if self.via.passes(headers) > MAX_PASSES { Err(Trouble::Loop) } else { Ok(()) }
    }
}

/// The path of a request in its normal form, and who takes it. For routes slashes that follow each other are one:
/// else `//admin` would be nothing to the route of `/admin`, and still be `/admin` to a service. Where the route wants
/// them as they came, and takes the path as it came as well, they stay.
fn find<'h>(
    snapshot: &Snapshot,
    entrance: &Entrance,
    head: &'h request::Parts,
    authority: &str,
) -> Result<(NormalPath<'h>, Found), Trouble> {
    let look_up = |path: &NormalPath<'_>| {
        snapshot.router.find(&Asked {
            listener: &entrance.listener,
            host: host_of(authority),
            path: &path.decoded,
            query: head.uri.query(),
            method: &head.method,
            headers: &head.headers,
        })
    };
    let normal = |slashes| NormalPath::of(head.uri.path(), slashes).map_err(Trouble::BadPath);
    let merged = normal(Slashes::Merged)?;
    let found = look_up(&merged);
    if let Found::Route(index, _) = found
        && !snapshot.routes[index].merge_slashes
        && head.uri.path().contains("//")
    {
        let kept = normal(Slashes::Kept)?;
        let again = look_up(&kept);
        if matches!(again, Found::Route(same, _) if same == index) {
            return Ok((kept, again));
        }
    }
    Ok((merged, found))
}

impl Exchange {
    /// Puts the normal path into the request target.
    fn normalize(&mut self, path: &str) -> Option<()> {
        let target = match self.request.uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        self.request.uri = target.parse().ok()?;
        Some(())
    }
}

/// Whether a status never has a body (RFC 9110, 6.4.1).
pub(super) fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status.as_u16(), 204 | 304)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_peers_name_the_client() {
        let mut headers = HeaderMap::new();
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
            let headers = HeaderMap::from_iter([(
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
