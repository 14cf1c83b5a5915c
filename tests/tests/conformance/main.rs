//! What the RFCs ask of a gateway, section by section: `s7_6_1_...` is about section 7.6.1 of the RFC
//! that the module is named after. What is told there without such a name, `tests/all` has.
//!
//! | module | is about |
//! | --- | --- |
//! | [`rfc9110`] | HTTP's meaning, whatever its version |
//! | [`rfc9112`] | HTTP/1.1 |
//! | [`rfc9113`] | HTTP/2 |
//! | [`rfc8441`] | WebSockets over HTTP/2 |
//! | [`rfc6455`] | WebSockets: the handshake, which passes through |
//! | [`rfc7239`] | who asked, and through whom |
//! | [`rfc9457`] | refusals that programs can read |
//!
//! Not as an RFC has it: interim responses of a service other than 101 do not reach the client (9110,
//! 15.2), for the server side of hyper can send none; and `OPTIONS http://host` is about `/`, not about the server (9112,
//! 3.2.4), for hyper gives both as the same target.

mod rfc6455;
mod rfc7239;
mod rfc8441;
mod rfc9110;
mod rfc9112;
mod rfc9113;
mod rfc9457;

use torana_tests::{Backend, Gateway, RawBackend, raw, reply, toml};

/// A gateway in front of a service that answers with `ok`.
async fn ok() -> (Backend, Gateway) {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    (backend, gateway)
}

/// A gateway in front of a service that answers with these bytes, and closes.
async fn answering(bytes: &str) -> (RawBackend, Gateway) {
    let backend = RawBackend::answering(bytes).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    (backend, gateway)
}

/// All that comes back for these bytes until the gateway closes.
async fn ask(gateway: &Gateway, bytes: &str) -> String {
    raw(gateway.address("public"), bytes).await
}

/// The status of an answer.
#[track_caller]
fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status line: {answer:?}"))
}

/// The value of a header in an answer's head.
fn header(answer: &str, name: &str) -> Option<String> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let line = |line: &str| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    head.lines().skip(1).find_map(line)
}
