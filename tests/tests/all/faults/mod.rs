//! Services, clients and networks that fail, or mean harm. What counts is what the others see of it,
//! and that nothing is left of it afterwards ([`Gateway::at_rest`]).

mod breaks;
mod clients;
mod heads;
mod http2;
mod pace;
mod readers;
mod targets;

use std::net::SocketAddr;

use torana_tests::{Gateway, toml};

/// Everything there is goes to these targets. `more` is about the upstream.
fn before(targets: &[SocketAddr], more: &str) -> String {
    let targets: Vec<_> = targets.iter().map(|target| format!("\"{target}\"")).collect();
    let upstream = format!("\n[upstreams.service]\ntargets = [{}]\n{more}\n", targets.join(", "));
    [toml::LISTEN, &upstream, &toml::route("all", toml::ALL)].concat()
}

/// What a gateway holds once its workers have served something: each of them takes its buffers then.
async fn warm(gateway: &Gateway) -> usize {
    for _ in 0..16 {
        assert_eq!(gateway.client().get("/calm").await.status, 200);
    }
    gateway.footprint().memory
}

/// What others saw of an attack.
struct Beside<T> {
    /// What came of it.
    value: T,
    /// The most memory that the gateway held meanwhile, beyond what it held before.
    grown: usize,
}

/// Runs something while another client's requests are served, each of them.
async fn beside<T>(gateway: &Gateway, attack: impl Future<Output = T>) -> Beside<T> {
    let client = gateway.client();
    let before = warm(gateway).await;
    let mut most = before;
    let mut attack = std::pin::pin!(attack);
    loop {
        let calm = async { assert_eq!(client.get("/calm").await.status, 200) };
        tokio::select! {
            biased;
            () = calm => most = most.max(gateway.footprint().memory),
            value = &mut attack => {
                assert_eq!(client.get("/calm").await.status, 200);
                most = most.max(gateway.footprint().memory);
                return Beside { value, grown: most - before };
            }
        }
    }
}
