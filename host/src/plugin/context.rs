//! What all instances of one plugin share.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    config::{Grants, PluginLimits},
    dispatch::Dispatch,
    stores::{Kv, RateLimit},
    telemetry::Telemetry,
    wall::WallClock,
};

/// The plugin's identity, its permissions and its way to the outside.
pub(super) struct Context {
    /// The `[plugins.NAME]` entry.
    pub(super) name: Arc<str>,
    /// The settings, as JSON.
    pub(super) settings: String,
    /// What it may touch.
    pub(super) grants: Grants,
    /// What it may use up.
    pub(super) limits: PluginLimits,
    /// The secrets that its grants name, and no others.
    pub(super) secrets: BTreeMap<String, Arc<[u8]>>,
    /// Its namespace, if granted.
    pub(super) kv: Option<Arc<dyn Kv>>,
    /// The counters.
    pub(super) rate_limit: Arc<dyn RateLimit>,
    /// The way to other services.
    pub(super) dispatch: Arc<dyn Dispatch>,
    /// Metrics.
    pub(super) telemetry: Arc<Telemetry>,
    /// The gateway's name in `Via`.
    pub(super) via: Arc<str>,
    /// The time of day.
    pub(super) wall: WallClock,
}
