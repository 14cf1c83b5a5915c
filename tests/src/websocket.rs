//! The handshake of WebSockets (RFC 6455).

use aws_lc_rs::digest;
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// The `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455, 4.2.2).
pub fn accept_of(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    BASE64_STANDARD.encode(digest)
}
