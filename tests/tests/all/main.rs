//! Tests of a running gateway. One binary, so that it is linked once.

mod access_log;
mod bundled;
mod cache;
mod capabilities;
mod check;
mod docs;
mod documents;
mod guests;
mod headers_plugin;
mod jwks;
#[cfg(feature = "languages")]
mod languages;
mod lifecycle;
mod proxy;
mod quota;
mod refusals;
mod reload;
mod sandbox;
mod shaping;
mod tls;
mod upstream;
