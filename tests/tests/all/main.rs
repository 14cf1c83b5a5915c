//! Tests of a running gateway. One binary, so that it is linked once.

mod access_log;
mod admin;
mod audit;
mod audit_docs;
mod audit_log;
mod bundled;
mod cache;
mod capabilities;
mod check;
mod command_line;
mod constant_memory;
mod contract;
mod deploy;
mod docs;
mod documents;
mod faults;
mod first_plugin;
mod forward_auth;
mod grpc;
mod guests;
mod headers_plugin;
mod hostile;
mod http_cache;
mod json_schema;
mod jwks;
#[cfg(feature = "languages")]
mod languages;
mod lifecycle;
mod listener;
mod lock;
mod plugin_tools;
mod proxy;
mod quota;
mod reference_docs;
mod refusals;
mod reload;
mod routes;
mod sandbox;
mod shaping;
mod signatures;
mod smuggling;
#[cfg(feature = "redis")]
mod store;
mod tls;
mod trials;
mod upstream;
