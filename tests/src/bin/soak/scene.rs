//! The gateway, its services, and what happens to them.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use http::Response;
use torana_tests::{
    Backend, End, Fault, Gateway, Point, RawBackend, RawConnection, Setup, Wire, accept_of, pause,
    reply, stream, toml,
};

use crate::tally::Tally;

/// How long a fault is on, and how long there is peace: longer than its aftermath.
const FAULT: Duration = Duration::from_millis(700);
const PEACE: Duration = Duration::from_millis(3800);

/// A running gateway before two targets, one of which fails now and then, and a service of sockets.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    shaky: Wire,
    _steady: Wire,
    _services: [Backend; 2],
    _sockets: RawBackend,
    revision: AtomicUsize,
    config: Box<dyn Fn(usize) -> String>,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let services = [service().await, service().await];
        let shaky = Wire::to(services[0].address()).await;
        let steady = Wire::to(services[1].address()).await;
        let sockets = sockets().await;
        let targets = format!("\"{}\", \"{}\"", shaky.address(), steady.address());
        let socket_upstream = toml::upstream("sockets", sockets.address());
        let config = Box::new(move |revision| configuration(&targets, &socket_upstream, revision));
        let gateway = Setup::new(&config(0)).start().await;
        let revision = AtomicUsize::new(0);
        let _services = services;
        Self { gateway, shaky, _steady: steady, _services, _sockets: sockets, revision, config }
    }

    /// Faults and reloads, one after the other, until then.
    pub(crate) async fn play(&mut self, tally: &Tally, until: Instant) {
        for turn in 0.. {
            pause(PEACE.min(until.saturating_duration_since(Instant::now()))).await;
            if Instant::now() >= until {
                return;
            }
            self.reload(tally).await;
            tally.fault(FAULT);
            self.shaky.set(fault(turn)).await;
            pause(FAULT).await;
            self.shaky.set(Fault::Pass).await;
        }
    }

    async fn reload(&self, tally: &Tally) {
        let from = self.gateway.log().len();
        self.gateway.write(&(self.config)(self.revision.fetch_add(1, SeqCst) + 1));
        self.gateway.signal_reload();
        let wanted = |line: &str| line.contains("reloaded");
        self.gateway.log().wait_from(from, "the reload", wanted).await;
        tally.reload();
    }
}

fn fault(turn: usize) -> Fault {
    let every = Duration::from_millis(20);
    let faults = [
        Fault::Refuse,
        Fault::Mute,
        Fault::Cut { after: Point::Head(9), how: End::Reset },
        Fault::Cut { after: Point::Body(500), how: End::Close },
        Fault::Answer("nonsense\r\n\r\n".into()),
        Fault::Trickle { bytes: 50, every },
        Fault::Delay(every),
        Fault::HalfClose,
    ];
    faults[turn % faults.len()].clone()
}

/// Answers with what it got, whole or in pieces.
async fn service() -> Backend {
    Backend::start_forgetful(|received| match received.target.as_str() {
        "/pieces" => {
            let pieces = (0..20).map(|_| Ok(vec![b'x'; 1000].into()));
            Response::new(stream(futures_util::stream::iter(pieces.collect::<Vec<_>>())))
        }
        _ if received.body.is_empty() => reply(200, vec![b'x'; 1000]),
        _ => reply(200, received.body.len().to_string()),
    })
    .await
}

/// Switches to WebSockets, and then gives back what it is sent.
async fn sockets() -> RawBackend {
    RawBackend::start(|mut connection: RawConnection| async move {
        let head = connection.head().await;
        let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: "));
        let accept = accept_of(key.unwrap_or_default());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        connection.write(answer).await;
        let (mut from, mut to) = connection.stream.split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
    })
    .await
}

fn configuration(targets: &str, sockets: &str, revision: usize) -> String {
    let service = format!(
        "\n[upstreams.service]\ntargets = [{targets}]\ntimeouts.try = \"500ms\"\n\
         retries = {{ on = [\"connect\", \"reset\", \"timeout\"], budget = \"100%\" }}\n\
         eject = {{ failures = 3, for = \"500ms\", ramp = \"0ms\" }}\n"
    );
    let plugin = format!(
        "\n[plugins.headers]\ncomponent = \"headers\"\nlimits.cpu = \"15s\"\n\
         grants = {{ request-edit = true, response-edit = true }}\n\
         config.response.set = {{ x-revision = \"{revision}\" }}\n"
    );
    let marked = "match = { path = \"/plugin\" }\nupstream = \"service\"\nchain = [\"headers\"]";
    let socket =
        "match = { path = \"/socket\" }\nupstream = \"sockets\"\nupgrade = [\"websocket\"]";
    [
        toml::LISTEN,
        &service,
        sockets,
        &plugin,
        &toml::route("marked", marked),
        &toml::route("sockets", socket),
        &toml::route("all", toml::ALL),
    ]
    .concat()
}
