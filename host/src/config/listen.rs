//! `[listen.NAME]`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::{
    Diagnostic, PluginUse, Span,
    chain::{CHAIN, Library},
    fault::quote,
    host,
    keys::{HOUR, Kind, Shape, key},
    proxy_protocol::{self, PROXY_PROTOCOL},
    table::{Name, Table},
    units::show_size,
};

/// One public address.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its name.
    pub name: Arc<str>,
    /// Where its table stands.
    pub span: Span,
    /// Where `address` stands.
    pub address_span: Span,
    /// The address to bind.
    pub address: SocketAddr,
    /// Certificates; empty means plain HTTP.
    pub tls: Vec<Certificate>,
    /// CA file that client certificates must come from.
    pub client_ca: Option<PathBuf>,
    /// Where that stands.
    pub client_ca_span: Span,
    /// Plugins that run before every route of this listener.
    pub chain: Vec<PluginUse>,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// Peers whose connections begin with a PROXY header.
    pub proxy_protocol: Vec<Network>,
    /// What one client may use up.
    pub limits: ListenLimits,
}

/// A certificate chain and its key, PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Where the entry stands.
    pub span: Span,
    /// Where `cert` stands.
    pub cert_span: Span,
    /// Where `key` stands.
    pub key_span: Span,
    /// Chain, leaf first.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// `10.0.0.0/8`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Any address in it.
    pub address: IpAddr,
    /// Length of the prefix in bits.
    pub prefix: u8,
}

impl Network {
    /// Whether `address` lies in it; an IPv4-mapped IPv6 address counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(a)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                u32::from(net) & mask == u32::from(a) & mask
            }
            (IpAddr::V6(net), IpAddr::V6(a)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                u128::from(net) & mask == u128::from(a) & mask
            }
            _ => false,
        }
    }
}

/// Limits of one listener, with defaults that are safe on the open Internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenLimits {
    /// Header fields in a request.
    pub headers: usize,
    /// Bytes of a request head.
    pub head_bytes: usize,
    /// Bytes of the request target.
    pub uri_bytes: usize,
    /// From the first byte of a head to its last.
    pub head_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// Open connections, in the process.
    pub connections: usize,
    /// Requests whose answer has not begun, of this listener.
    pub requests: usize,
    /// Concurrent streams of one HTTP/2 connection.
    pub h2_streams: u32,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            headers: 100,
            head_bytes: 64 << 10,
            uri_bytes: 8 << 10,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            connections: 16_384,
            requests: 16_384,
            h2_streams: 128,
        }
    }
}

/// The table's keys.
pub(super) static LISTENER: Shape = Shape {
    id: "listener",
    place: "[listen.NAME]",
    about: "One public address.",
    keys: &[
        key("address", Kind::Text("127.0.0.1:8080"), "The IP address and port to listen on.")
            .required(),
        key(
            "tls",
            Kind::List(&Kind::Table(&CERTIFICATE)),
            "Certificates for HTTPS and h2; the client's server name picks one. Plain HTTP without.",
        ),
        key("client_ca", Kind::Text("ca.pem"), "PEM file of the CAs that clients must come from."),
        key("chain", CHAIN, "Plugins that run before those of every route."),
        key(
            "trusted_proxies",
            Kind::List(&Kind::Text("10.0.0.0/8")),
            "Peers whose forwarding headers are believed.",
        ),
        key("proxy_protocol", Kind::Table(&PROXY_PROTOCOL), "Who sends a PROXY header."),
        key("limits", Kind::Table(&LISTEN_LIMITS), "What clients may use up."),
    ],
};

static CERTIFICATE: Shape = Shape {
    id: "certificate",
    place: "`tls` of [listen.NAME]",
    about: "A certificate and its key.",
    keys: &[
        key("cert", Kind::Text("cert.pem"), "PEM file of the chain, leaf first.").required(),
        key("key", Kind::Text("key.pem"), "PEM file of the private key.").required(),
    ],
};

// hyper panics below 8 KiB of head; http::Uri holds no more than 65,534 bytes.
static LISTEN_LIMITS: Shape = Shape {
    id: "listen_limits",
    place: "`limits` of [listen.NAME]",
    about: "What clients may use up.",
    keys: &[
        key("headers", Kind::Integer(1, 10_000), "Header fields of a request.").or("100"),
        key("head_bytes", Kind::Size(8 << 10, 1 << 20), "Size of a request's head.").or("64KiB"),
        key("uri_bytes", Kind::Size(64, 65_534), "Size of a request's target.").or("8KiB"),
        key("head_timeout", Kind::Duration(10, HOUR), "From the first byte of a head to its last.")
            .or("10s"),
        key(
            "idle_timeout",
            Kind::Duration(10, 24 * HOUR),
            "How long a connection may wait for a request.",
        )
        .or("75s"),
        key(
            "connections",
            Kind::Integer(1, 10_000_000),
            "Open connections, of all listeners together.",
        )
        .or("16384"),
        key(
            "requests",
            Kind::Integer(1, 10_000_000),
            "Requests whose answer has not begun, and upgraded connections.",
        )
        .or("16384"),
        key("h2_streams", Kind::Integer(1, 10_000), "Concurrent streams of an h2 connection.")
            .or("128"),
    ],
};

/// Reads every `[listen.NAME]`.
pub(super) fn read<'a>(root: &Table<'a>, library: &Library<'a>) -> Vec<Listener> {
    let tables = root.named("listen", true).into_iter();
    let listeners: Vec<_> = tables.filter_map(|(name, table)| one(name, &table, library)).collect();
    let is_table = root.get("listen").is_none_or(|value| value.is_table());
    if root.cx.names.listeners.is_empty() && is_table {
        let problem = Diagnostic::error(Span::default(), "nothing to listen on");
        let help = "add a listener:\n\n    [listen.public]\n    address = \"127.0.0.1:8080\"";
        root.cx.report(problem.help(help.to_owned()));
    }
    for listener in listeners.iter().filter(|listener| &*listener.name == "admin") {
        let message = "a listener cannot be called `admin`";
        let problem = Diagnostic::error(listener.address_span, message);
        let help = "sockets are handed over by name, and that is the one of [admin]";
        root.cx.report(problem.help(help.to_owned()));
    }
    for (index, listener) in listeners.iter().enumerate() {
        for earlier in &listeners[..index] {
            if overlap(earlier.address, listener.address) {
                let name = quote(&earlier.name);
                let message = format!("listener {name} has this address already");
                let problem = Diagnostic::error(listener.address_span, message);
                root.cx.report(problem.label(format!("{} is taken", earlier.address)));
            }
        }
    }
    listeners
}

fn one<'a>(name: Name<'a>, table: &Table<'a>, library: &Library<'a>) -> Option<Listener> {
    let address = table.parse("address", host::socket_address);
    let listener = Listener {
        name: name.text.into(),
        span: table.span,
        address_span: table.span_of("address"),
        address: address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))),
        tls: certificates(table),
        client_ca: table.path("client_ca"),
        client_ca_span: table.span_of("client_ca"),
        chain: table.get("chain").map(|value| library.chain(&value)).unwrap_or_default(),
        trusted_proxies: table
            .get("trusted_proxies")
            .map(|value| value.parsed_list(host::network))
            .unwrap_or_default(),
        proxy_protocol: proxy_protocol::read(table),
        limits: limits(&table.sub("limits")),
    };
    if table.has("client_ca") && !table.has("tls") {
        let message = "`client_ca` needs `tls`: clients show certificates in its handshake";
        let problem = Diagnostic::error(table.span_of("client_ca"), message);
        table.cx.report(problem.help("add tls = [{ cert = \"...\", key = \"...\" }]".to_owned()));
    }
    address.map(|_| listener)
}

fn certificates(table: &Table<'_>) -> Vec<Certificate> {
    if table.get("tls").is_some_and(|value| value.is_empty_list()) {
        let message = "without a certificate this would be plain HTTP";
        let problem = Diagnostic::error(table.span_of("tls"), message).label("empty");
        table.cx.report(
            problem.help("add { cert = \"...\", key = \"...\" }, or take `tls` out".to_owned()),
        );
    }
    let one = |entry: Table<'_>| {
        let (cert, key) = (entry.path("cert"), entry.path("key"));
        let (cert_span, key_span) = (entry.span_of("cert"), entry.span_of("key"));
        Some(Certificate { span: entry.span, cert_span, key_span, cert: cert?, key: key? })
    };
    table.list("tls").iter().filter_map(|value| one(value.table()?)).collect()
}

fn limits(table: &Table<'_>) -> ListenLimits {
    let limits = ListenLimits {
        headers: table.integer("headers") as usize,
        head_bytes: table.size("head_bytes") as usize,
        uri_bytes: table.size("uri_bytes") as usize,
        head_timeout: table.duration("head_timeout"),
        idle_timeout: table.duration("idle_timeout"),
        connections: table.integer("connections") as usize,
        requests: table.integer("requests") as usize,
        h2_streams: table.integer("h2_streams") as u32,
    };
    if limits.uri_bytes > limits.head_bytes {
        let head = show_size(limits.head_bytes as u64);
        let message = format!("a target of this size does not fit into a head of {head}");
        table.cx.report(Diagnostic::error(table.span_of("uri_bytes"), message));
    }
    limits
}

/// Whether both cannot be bound. Port 0 is another one each time.
pub(super) fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let same_family = a.is_ipv4() == b.is_ipv4();
    let any = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || (same_family && any))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::units;

    #[test]
    fn the_declared_defaults_are_the_defaults() {
        let default = ListenLimits::default();
        let declared = |name: &str| LISTEN_LIMITS.key(name).and_then(|key| key.default).unwrap();
        assert_eq!(declared("headers").parse(), Ok(default.headers));
        assert_eq!(units::size(declared("head_bytes")), Ok(default.head_bytes as u64));
        assert_eq!(units::size(declared("uri_bytes")), Ok(default.uri_bytes as u64));
        assert_eq!(units::duration(declared("head_timeout")), Ok(default.head_timeout));
        assert_eq!(units::duration(declared("idle_timeout")), Ok(default.idle_timeout));
        assert_eq!(declared("connections").parse(), Ok(default.connections));
        assert_eq!(declared("requests").parse(), Ok(default.requests));
        assert_eq!(declared("h2_streams").parse(), Ok(default.h2_streams));
    }

    #[test]
    fn addresses_that_cannot_both_be_bound() {
        let overlap = |a: &str, b: &str| overlap(a.parse().unwrap(), b.parse().unwrap());
        assert!(overlap("127.0.0.1:80", "127.0.0.1:80"));
        assert!(overlap("0.0.0.0:80", "127.0.0.1:80"));
        assert!(!overlap("127.0.0.1:80", "127.0.0.1:81"));
        assert!(!overlap("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!overlap("127.0.0.1:0", "127.0.0.1:0"));
    }
}
