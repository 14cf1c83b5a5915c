//! TLS on both sides: what listeners show to clients, and what upstreams are asked for.
//!
//! The crypto provider is passed explicitly, so that no process-wide default has to be installed.

mod client;
mod expiry;
mod pem;
mod server;
mod stream;

pub use client::{client_config, fingerprint};
pub use expiry::{Moment, expiry};
pub use server::server_config;
pub use stream::Stream;

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::config::Span;

/// Why a listener's TLS settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    /// Where that is named which is at fault.
    pub span: Span,
    /// What is wrong, with the file's name and what to do.
    pub message: String,
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    PROVIDER.clone()
}

#[cfg(test)]
pub(crate) mod testing;
