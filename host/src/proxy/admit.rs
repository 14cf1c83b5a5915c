//! A request head becomes an exchange on a route, or is refused before anybody sees it.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderValue, Method, StatusCode, Version, header};

use super::{
    Course, Entrance, Proxy, Snapshot,
    claims::take_claims,
    client::Known,
    forward, hop,
    ids::request_id,
    target::{authority, check_size, check_target, host_of, is_server_wide},
    upgrade,
};
use crate::{
    fields::Fields,
    heads::RequestHead,
    memory::boxed,
    message::{Client, Exchange, TlsSession},
    rescue::{Trouble, is_grpc},
    router::{Asked, Found, NormalPath, Slashes},
};

/// How often a request may pass this gateway. A handler that calls a route of its own gateway is
/// fine; a circle is not.
const MAX_PASSES: usize = 4;

/// A request that came this far, and its way.
pub(super) struct Admitted<'a> {
    pub(super) course: Course<'a>,
    /// There is no route for it. Its listener's plugins see it all the same: a preflight is for
    /// them to answer, and whoever is not let in need not know what there is.
    pub(super) astray: Option<Trouble>,
}

/// The exchange of what is no request.
pub(super) fn unread(peer: SocketAddr, tls: Option<Arc<TlsSession>>) -> Box<Exchange> {
    let nothing = Fields::new();
    let Known { client, trusted } = Client::of(peer, tls, &nothing, &[]);
    Box::new(Exchange { id: request_id(&nothing, trusted), client, ..Exchange::vacant() })
}

/// The exchange of a request that nobody has looked at yet.
pub(super) fn begin(
    mut head: RequestHead,
    peer: SocketAddr,
    tls: Option<Arc<TlsSession>>,
    entrance: &Entrance,
) -> Box<Exchange> {
    // Read before anything is taken off.
    let known = Client::of(peer, tls, &head.headers, &entrance.trusted_proxies);
    let id = request_id(&head.headers, known.trusted);
    let mut hop = hop::take_hop(&mut head.headers);
    hop.is_from_proxy = known.trusted;
    hop.has_underscores = take_claims(&mut head.headers, known.trusted);
    if head.version == Version::HTTP_2 {
        hop::join_crumbs(&mut head.headers);
    }
    upgrade::translate(&mut head, &mut hop);
    // A refused CONNECT must not look like one that was granted.
    let may_be = head.version == Version::HTTP_2 && !hop.is_connect;
    hop.is_grpc = may_be && is_grpc(&head.headers);
    boxed(|| Exchange { id, client: known.client, hop, request: head, ..Exchange::vacant() })
}

/// Says that there is no body where one would be expected (RFC 9110, 8.6): nothing else tells a plugin's head hook that
/// no body hook will follow.
pub(super) fn say_none(head: &mut RequestHead) {
    let expects = matches!(head.method, Method::POST | Method::PUT | Method::PATCH);
    if expects && !head.headers.contains(header::CONTENT_LENGTH) {
        head.headers.append(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
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
        exchange.hop.passes = self.passes(&head.headers)?;
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

    /// How often a request has come by here, if that is not too often.
    fn passes(&self, headers: &Fields) -> Result<usize, Trouble> {
        let passes = self.via.passes(headers);
        if passes > MAX_PASSES { Err(Trouble::Loop) } else { Ok(passes) }
    }
}

/// The path of a request in its normal form, and who takes it. For routes slashes that follow each other are one:
/// else `//admin` would be nothing to the route of `/admin`, and still be `/admin` to a service. Where the route wants
/// them as they came, and takes the path as it came as well, they stay.
fn find<'h>(
    snapshot: &Snapshot,
    entrance: &Entrance,
    head: &'h RequestHead,
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
