//! Plugins and exchanges to call them with.

use std::{path::Path, sync::Arc};

use torana::{
    config::{Config, LoadOptions, Source},
    message::Exchange,
    plugin::{PluginFilter, PluginRoom, Services},
    store::Memory,
    telemetry::Telemetry,
    upstream::Fetch,
};

/// Loads plugins as the gateway does.
pub(crate) struct Room {
    room: PluginRoom,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Room {
    pub(crate) fn new() -> Self {
        let telemetry = Telemetry::new();
        let services = Services {
            stores: Arc::new(Memory::new()),
            dispatch: Arc::new(Fetch::new(Arc::default(), 1)),
            telemetry: telemetry.clone(),
            via: "bench".into(),
        };
        let room = PluginRoom::new(services, 1).expect("an engine");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { room, telemetry, runtime: runtime.expect("a runtime") }
    }

    /// The plugins of the only route of a configuration.
    pub(crate) fn filters(&self, text: &str) -> Vec<PluginFilter> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let options =
            LoadOptions { components: Some(root.join("target/components")), ..Default::default() };
        let source = Arc::new(Source::new(root.join("target/bench.toml"), text));
        let config = match Config::parse(source, &options) {
            Ok((config, _)) => config,
            Err(rejected) => panic!("{rejected}"),
        };
        let load = |wanted| match self.runtime.block_on(self.room.load(wanted, &config.secrets)) {
            Ok(plugin) => PluginFilter::new(plugin, wanted.on_error),
            Err(problems) => panic!("{problems:?} (cargo xtask guests builds the components)"),
        };
        config.routes[0].chain.iter().map(load).collect()
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
        let value = http::HeaderValue::from_static(value);
        exchange.request.headers.insert(http::HeaderName::from_static(name), value);
    }
    exchange.authority = "shop.example".into();
    Box::new(exchange)
}
