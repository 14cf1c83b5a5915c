//! The TOML: raw text in, checked types out, every value with its span.
//!
//! ```text
//! load      Config::load: text -> syntax -> tables -> Config, or all that is wrong with it
//! syntax    text -> tree, with every syntax error
//! unused    what stands there and does nothing | unguarded: routes without a guard
//! misnamed  services that are asked by another's name
//! gateway | listen | admin | access_log | traces | audit_log | store | dns | upstream | secrets
//! signatures | plugin | chain | route
//!           a table each: its type, its keys, its reader | proxy_protocol: a part of listen
//! grants | limits | on_error | settings
//!           the parts of a plugin that a chain entry can change | granted: grants one by one
//! uses      where plugins are used, over all of it
//! table | value
//!           walk a tree along its declaration | misplaced: keys that no table knows
//! outside   { env = ... } and { file = ... } | names: what can be referred to | context: all of it
//! reads     the files that a configuration is made of, for whoever watches them
//! keys      how a table declares its keys | schema: the same as JSON Schema
//! units | host | path | fault
//!           pieces of text, checked
//! source | diagnostic | render
//!           places, problems, and how they are shown
//! show      the file as JSON, without its secrets
//! ```
//!
//! Nothing here touches the network or a component; files are read only for `{ file = "..." }`.
//! All problems of a file are collected and reported at once ([`Diagnostics`]).

mod access_log;
mod admin;
mod audit_log;
mod chain;
mod context;
mod credential;
mod develop;
mod diagnostic;
mod dns;
mod fault;
mod gateway;
mod granted;
mod grants;
mod header;
mod host;
mod keys;
mod limits;
mod listen;
mod load;
mod misnamed;
mod misplaced;
mod names;
mod on_error;
mod options;
mod outside;
mod path;
mod plugin;
mod proxy_protocol;
mod reads;
mod render;
mod route;
mod schema;
mod secrets;
mod settings;
mod show;
mod signatures;
mod source;
mod store;
mod syntax;
mod table;
#[cfg(test)]
mod tests;
mod traces;
mod unguarded;
mod units;
mod unused;
mod upstream;
mod uses;
mod value;

pub use access_log::{AccessLog, LogField, PlainField};
pub use admin::Admin;
pub use audit_log::AuditLog;
pub use credential::is_credential;
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use fault::nearest;
pub use gateway::Gateway;
pub use granted::Granted;
pub use grants::{BodyGrant, FetchGrant, Grants, KvGrant};
pub use limits::PluginLimits;
pub use listen::{Certificate, ListenLimits, Listener, Network};
pub use load::Rejected;
pub use on_error::{OnError, OnErrorAction};
pub use options::{Environment, LoadOptions};
pub use plugin::{ComponentRef, Isolation, PluginUse};
pub use reads::{FileRead, Print, Reads};
pub use route::{
    Condition, Location, Match, Mirror, Piece, Redirect, Rewrite, Route, Share, Split, StaticReply,
};
pub use schema::schema;
pub use secrets::Secrets;
pub use settings::Settings;
pub use signatures::TrustedKey;
pub use source::{Source, Span};
pub use store::{Exact, OnFailure, Redis, RedisAddress, Store};
pub use traces::{Follow, Traces};
pub use units::{show_duration, show_size};
pub use upstream::{
    Balance, Breaker, Eject, HashKey, HealthCheck, Hedge, HostField, Protocol, Resolve, Retries,
    RetryOn, Sticky, Target, Upstream, UpstreamLimits, UpstreamTls,
};

use std::{net::SocketAddr, sync::Arc};

/// A configuration that is complete and consistent in itself. Components are checked later,
/// against their types (`plugin::load`).
#[derive(Debug, Clone)]
pub struct Config {
    /// The text that it came from, for later diagnostics.
    pub source: Arc<Source>,
    /// `[gateway]`
    pub gateway: Gateway,
    /// At least one.
    pub listeners: Vec<Listener>,
    /// `[admin]`
    pub admin: Option<Admin>,
    /// `[access_log]`
    pub access_log: Option<AccessLog>,
    /// `[traces]`
    pub traces: Option<Traces>,
    /// `[store]`
    pub store: Store,
    /// `[audit_log]`
    pub audit_log: Option<AuditLog>,
    /// `[dns]`: whom to ask; those of `/etc/resolv.conf` if there is none.
    pub dns: Arc<[SocketAddr]>,
    /// In file order.
    pub upstreams: Vec<Upstream>,
    /// Every `[plugins.NAME]` as it stands, used in a chain or not, in file order.
    pub plugins: Vec<PluginUse>,
    /// In file order.
    pub routes: Vec<Route>,
    /// `[secrets.NAME]`
    pub secrets: Secrets,
    /// The files that it is made of.
    pub reads: Reads,
    /// `[signatures]`: empty means that no component needs one.
    pub trusted_keys: Vec<TrustedKey>,
}
