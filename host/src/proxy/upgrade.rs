//! Connections that become something else: WebSocket and the like, over HTTP/1.1 (RFC 9110, 7.8)
//! and over HTTP/2 (RFC 8441). Services are always asked over HTTP/1.1.
//!
//! The heads pass the chain as those of any exchange do. When the service has switched, what comes
//! after is bytes that nobody looks at, in both directions, until one side closes or nothing has
//! come for too long.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Method, StatusCode, Version, header};
use http_body::Body as _;
use hyper::{ext::Protocol, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tracing::debug;

use super::{RouteInService, hop::upgrade_of};
use crate::{
    access_log::Broken,
    body::Body,
    fields::Fields,
    heads::{RequestHead, ResponseHead},
    message::{Duplex, Exchange, Handover, Hop, KeepBusy},
    random::random_u64,
    rescue::Trouble,
    upstream::Switched,
};

const WEBSOCKET: &str = "websocket";

/// A wish to switch that the route grants.
pub(super) struct Wish {
    /// What to: one token, lower case.
    protocol: String,
    client: Client,
    busy: Option<KeepBusy>,
    /// What the service must answer to the key of a WebSocket: the client's, or ours for a client
    /// that speaks HTTP/2 and so sends none.
    accept: Option<HeaderValue>,
}

/// The client's connection, or its stream of HTTP/2, once it has been told.
enum Client {
    Connection(Handover),
    Stream(OnUpgrade),
}

impl Client {
    fn of(exchange: &mut Exchange) -> Option<Self> {
        let extensions = &mut exchange.request.extensions;
        match extensions.remove::<Handover>() {
            Some(handover) => Some(Self::Connection(handover)),
            None => extensions.remove::<OnUpgrade>().map(Self::Stream),
        }
    }

    async fn open(self) -> Option<Box<dyn Duplex>> {
        match self {
            Self::Connection(handover) => handover.take().await,
            Self::Stream(stream) => Some(Box::new(TokioIo::new(stream.await.ok()?))),
        }
    }
}

/// Both sides have agreed.
pub(super) struct Tunnel {
    client: Client,
    service: Switched,
    idle: Duration,
    /// Keeps the client's connection busy, and a stop waiting.
    _busy: Option<KeepBusy>,
}

/// What went through a tunnel.
pub(super) struct Passed {
    pub(super) from_client: u64,
    pub(super) to_client: u64,
    /// Why one side did not come to its end.
    pub(super) broken: Option<Broken>,
}

/// RFC 8441, 4: a CONNECT with `:protocol` asks for what GET with `Upgrade` asks for in HTTP/1.1,
/// and from here on it is that, so that routes and plugins need not know of it.
pub(super) fn translate(head: &mut RequestHead, hop: &mut Hop) {
    if head.version != Version::HTTP_2 || head.method != Method::CONNECT {
        return;
    }
    if let Some(protocol) = head.extensions.get::<Protocol>() {
        head.method = Method::GET;
        hop.upgrade = Some(protocol.as_str().to_ascii_lowercase());
        hop.is_connect = true;
    }
}

/// An extended CONNECT that its route does not grant: there is no request without the protocol to
/// go on with (RFC 8441, 3).
pub(super) fn ungranted(route: &RouteInService, hop: &Hop) -> Option<Trouble> {
    let granted = hop.upgrade.as_ref().is_some_and(|name| route.upgrade.contains(name));
    (hop.is_connect && !granted).then_some(Trouble::NoSuchProtocol)
}

/// What the client wants to switch to, if the route lets it.
pub(super) fn wish(route: &RouteInService, exchange: &mut Exchange, body: &Body) -> Option<Wish> {
    let protocol = exchange.hop.upgrade.as_ref().filter(|name| route.upgrade.contains(name))?;
    if exchange.request.version != Version::HTTP_2 && !body.is_end_stream() {
        return None;
    }
    let protocol = protocol.clone();
    let client = Client::of(exchange)?;
    let busy = exchange.request.extensions.remove::<KeepBusy>();
    Some(Wish { protocol, client, busy, accept: None })
}

impl Wish {
    /// Puts onto the forwarded request what was taken off as the client's connection's own.
    pub(super) fn ask(&mut self, headers: &mut Fields, from_h2: bool) {
        self.mark(headers);
        if self.protocol != WEBSOCKET {
            return;
        }
        if from_h2 {
            let key = [random_u64().to_be_bytes(), random_u64().to_be_bytes()].concat();
            let key = STANDARD.encode(key);
            if let Ok(key) = HeaderValue::from_str(&key) {
                headers.insert(header::SEC_WEBSOCKET_KEY, key);
            }
        }
        // A service that only echoes what it is sent does not know the answer.
        let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok());
        self.accept = key.and_then(|key| HeaderValue::from_str(&accept_of(key)).ok());
    }

    /// Whether the service switched to what was asked for.
    pub(super) fn is_granted(&self, head: &ResponseHead) -> bool {
        let same = upgrade_of(&head.headers).is_some_and(|protocol| protocol == self.protocol);
        let accepted = self.protocol != WEBSOCKET
            || head.headers.get(header::SEC_WEBSOCKET_ACCEPT) == self.accept.as_ref();
        head.status == StatusCode::SWITCHING_PROTOCOLS && same && accepted
    }

    /// The tunnel, if the response that goes to the client still says so: plugins have seen it.
    pub(super) fn tunnel(
        self,
        service: Switched,
        response: &mut ResponseHead,
        from_h2: bool,
        idle: Duration,
    ) -> Option<Tunnel> {
        if response.status != StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        if from_h2 {
            // RFC 8441, 5: 200 is the answer, and the handshake's keys are HTTP/1.1's.
            response.status = StatusCode::OK;
            response.headers.remove(header::SEC_WEBSOCKET_ACCEPT);
        } else {
            self.mark(&mut response.headers);
        }
        Some(Tunnel { client: self.client, service, idle, _busy: self.busy })
    }

    fn mark(&self, headers: &mut Fields) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        if let Ok(protocol) = HeaderValue::from_str(&self.protocol) {
            headers.insert(header::UPGRADE, protocol);
        }
    }
}

impl Tunnel {
    /// Carries bytes until both sides have closed, one has failed, or neither has sent anything
    /// for too long.
    pub(super) async fn run(self) -> Passed {
        let _busy = self._busy;
        let mut passed = Passed { from_client: 0, to_client: 0, broken: Some(Broken::Client) };
        let (Some(client), Some((service, ahead))) =
            (self.client.open().await, self.service.take())
        else {
            debug!("no tunnel");
            return passed;
        };
        let (ours, theirs) = (Broken::Client, Broken::Upstream);
        let (from_client, to_client) = split(client);
        let (from_service, to_service) = split(service);
        let from_service = std::io::Cursor::new(ahead).chain(from_service);
        let quiet = Quiet { idle: self.idle, last: tokio::sync::watch::Sender::new(()) };
        let up = carry((from_client, ours), (to_service, theirs), &mut passed.from_client, &quiet);
        let down = carry((from_service, theirs), (to_client, ours), &mut passed.to_client, &quiet);
        let outcome = tokio::select! {
            outcome = async { tokio::try_join!(up, down).map(drop) } => outcome,
            () = quiet.lasts() => Err((Broken::Idle, std::io::ErrorKind::TimedOut.into())),
        };
        passed.broken = outcome.err().map(|(whose, why)| {
            debug!(%why, "tunnel ended");
            whose
        });
        passed
    }
}

/// Each side comes with what it means when that fails.
async fn carry(
    (mut from, reading): (impl AsyncRead + Unpin, Broken),
    (mut to, writing): (impl AsyncWrite + Unpin, Broken),
    count: &mut u64,
    quiet: &Quiet,
) -> Result<(), (Broken, std::io::Error)> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await.map_err(|why| (reading, why))?;
        if length == 0 {
            return to.shutdown().await.map_err(|why| (writing, why));
        }
        quiet.broken();
        to.write_all(&buffer[..length]).await.map_err(|why| (writing, why))?;
        *count += length as u64;
    }
}

/// Notices when nothing comes from either side.
struct Quiet {
    idle: Duration,
    last: tokio::sync::watch::Sender<()>,
}

impl Quiet {
    fn broken(&self) {
        self.last.send_replace(());
    }

    async fn lasts(&self) {
        let mut last = self.last.subscribe();
        while tokio::time::timeout(self.idle, last.changed()).await.is_ok() {}
    }
}

/// RFC 6455, 4.2.2: what proves that a service has read the key.
fn accept_of(key: &str) -> String {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key.as_bytes());
    context.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_rfc() {
        // RFC 6455, 1.3.
        assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
