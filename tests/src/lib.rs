//! Everything that needs a running gateway is tested here: the release binary as a child process,
//! real sockets on both of its sides, and a test that plays client and service by hand.
//!
//! ```ignore
//! #[tokio::test]
//! async fn the_service_gets_the_path() {
//!     let backend = Backend::start(|_| reply(200, "hello")).await;
//!     let gateway = Gateway::start(&toml::proxy(backend.address())).await;
//!     let answer = gateway.client().get("/a/b?c").await;
//!     assert_eq!((answer.status, answer.text()), (200, "hello"));
//!     assert_eq!(backend.only().target, "/a/b?c");
//! }
//! ```
//!
//! - [`Gateway`] runs the binary and reads its log. On a failure the log is printed.
//! - [`Backend`] is a service made of a closure; [`RawBackend`] is one made of bytes.
//! - [`Wire`] stands between two of them, and fails as it is told; [`Gateway::at_rest`] says whether
//!   anything of that is left.
//! - [`h2raw`] makes HTTP/2 frames by hand.
//! - [`strict`] reads HTTP/1.1 by the letter.
//! - [`Dns`] says what a test wants of every name.
//! - [`RedisServer`] runs the real one.
//! - [`Authority`] makes certificates and both ends of TLS.
//! - [`Client`] keeps connections, as browsers do, and [`H2`] is one; [`Raw`] sends bytes and reads bytes.
//! - [`toml`] has the parts of configurations that are always the same.
//! - [`torana`](command::torana) runs the commands that end by themselves.
//!
//! Nothing waits by sleeping: every wait is for something that happens, and gives up after
//! [`PATIENCE`] with a text that says what did not happen.

mod authority;
mod backend;
mod client;
pub mod command;
mod dns;
mod fault;
mod folder;
mod gateway;
mod h2;
pub mod h2raw;
mod log;
pub mod paths;
mod patience;
mod raw;
mod raw_backend;
mod redis;
mod rest;
pub mod strict;
mod tape;
pub mod toml;
mod websocket;

pub use authority::{Authority, Identity};
pub use backend::{Backend, Body, Received, reply, stream};
pub use client::{Client, Coming, Reply, request};
pub use dns::{Dns, Zone};
pub use fault::{End, Fault, Point, Wire};
pub use folder::Folder;
pub use gateway::{Gateway, Setup};
pub use h2::H2;
pub use log::Log;
pub use patience::{PATIENCE, pause, within};
pub use raw::{Raw, raw};
pub use raw_backend::{RawBackend, RawConnection};
pub use redis::RedisServer;
pub use rest::Footprint;
pub use websocket::accept_of;

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// An address at which nobody listens, and nobody will while this lives.
pub struct Unused(TcpSocket);

impl Unused {
    /// Takes a port without listening on it: connections are refused.
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        Self(socket)
    }

    /// Where nobody listens.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }
}

impl Default for Unused {
    fn default() -> Self {
        Self::new()
    }
}
