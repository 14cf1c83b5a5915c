//! Plugins and exchanges to call them with.

use std::{path::Path, sync::Arc};

use http::{HeaderName, HeaderValue, StatusCode};
use torana::{
    chain::{Back, Chain, Why},
    config::{Config, LoadOptions, Source},
    heads::ResponseHead,
    message::Exchange,
    plugin::{PluginFilter, PluginRoom, Services, Traces},
    store::Memory,
    telemetry::Telemetry,
    upstream::{Fetch, Upstreams},
    wall::WallClock,
};

/// Loads plugins as the gateway does.
pub(crate) struct Room {
    room: PluginRoom,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) fetch: Arc<Fetch>,
}

impl Room {
    pub(crate) fn new() -> Self {
        let telemetry = Telemetry::new();
        let fetch = Arc::new(Fetch::new(Arc::default(), 1));
        let services = Services {
            stores: Arc::new(Memory::new()),
            dispatch: fetch.clone(),
            telemetry: telemetry.clone(),
            via: "bench".into(),
            wall: WallClock::System,
        };
        let room = PluginRoom::new(services, 1, Traces::Short).expect("an engine");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { room, telemetry, runtime: runtime.expect("a runtime"), fetch }
    }

    /// The chain of the only route of a configuration. From now on its upstreams can be fetched
    /// from.
    pub(crate) fn chain(&self, text: &str) -> Chain<PluginFilter> {
        let config = parse(text);
        let upstreams = Upstreams::build(&config.upstreams, 1, None).expect("upstreams");
        self.fetch.replace(Arc::new(upstreams));
        let load = |wanted| match self.runtime.block_on(self.room.load(wanted, &config.secrets)) {
            Ok(plugin) => PluginFilter::new(plugin, wanted.on_error),
            Err(problems) => panic!("{problems:?} (cargo xtask guests builds the components)"),
        };
        Chain::new(config.routes[0].chain.iter().map(load).collect(), "r", &self.telemetry.scope())
    }

    /// Every head hook of an exchange, there and back, as the gateway calls them. The status is
    /// that of the plugin that replied, or of the response.
    pub(crate) fn heads(&self, chain: &Chain<PluginFilter>, held: &mut Heads) -> StatusCode {
        let exchange = &mut held.exchange;
        self.runtime.block_on(async {
            let back = match chain.request_heads(exchange).await {
                Ok(()) => {
                    exchange.response = held.response.take();
                    chain.all()
                }
                Err(stop) => {
                    let Why::Reply(reply) = stop.why else { panic!("{:?}", stop.why) };
                    exchange.response = Some(head(reply.status));
                    Back::before(stop.at)
                }
            };
            chain.response_heads(exchange, back).await.expect("every plugin says next");
        });
        exchange.response.as_ref().map_or(StatusCode::OK, |response| response.status)
    }
}

/// An exchange, and the head that the service will answer.
pub(crate) struct Heads {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) response: Option<ResponseHead>,
}

impl From<Box<Exchange>> for Heads {
    fn from(exchange: Box<Exchange>) -> Self {
        let mut response = head(StatusCode::OK);
        for (name, value) in [
            ("content-type", "application/json"),
            ("cache-control", "private, max-age=60"),
            ("etag", "\"v1\""),
            ("server", "orders/1.4"),
            ("vary", "accept"),
        ] {
            let value = HeaderValue::from_static(value);
            response.headers.insert(HeaderName::from_static(name), value);
        }
        Self { exchange, response: Some(response) }
    }
}

fn head(status: StatusCode) -> ResponseHead {
    ResponseHead { status, ..ResponseHead::default() }
}

fn parse(text: &str) -> Config {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let options =
        LoadOptions { components: Some(root.join("target/components")), ..Default::default() };
    let source = Arc::new(Source::new(root.join("target/bench.toml"), text));
    match Config::parse(source, &options) {
        Ok((config, _)) => config,
        Err(rejected) => panic!("{rejected}"),
    }
}

/// A request of ten header fields, as a browser sends them.
pub(crate) fn exchange() -> Box<Exchange> {
    let mut exchange = Exchange::vacant();
    for (name, value) in [
        ("accept", "application/json"),
        ("accept-encoding", "gzip, deflate, br"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("cache-control", "no-cache"),
        ("cookie", "session=0123456789abcdef"),
        ("referer", "https://shop.example/products"),
        ("sec-fetch-mode", "cors"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
        ("x-requested-with", "XMLHttpRequest"),
        ("x-tenant", "acme"),
    ] {
        let value = HeaderValue::from_static(value);
        exchange.request.headers.insert(HeaderName::from_static(name), value);
    }
    exchange.authority = "shop.example".into();
    Box::new(exchange)
}
