//! The clients' side of the gateway.

mod proxy_protocol;
