//! Active health checks, on the control thread.

use std::{
    future::poll_fn,
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
    time::Instant,
};

use http::{HeaderValue, header::USER_AGENT};
use tracing::{info, warn};

use super::{
    Upstream, Upstreams,
    connection::{Connection, Http1},
    request::{self, HostOf},
    rounds::{self, LOOK_AGAIN},
    stats::Counters,
    target::Target,
};
use crate::{
    body::{Body, with_sources},
    config::HealthCheck,
    heads::Request,
};

/// Checks the targets of whatever upstreams are current, until this future is dropped. Upstreams
/// that were replaced are not checked again.
pub async fn run_health_checks(current: impl Fn() -> Arc<Upstreams>) {
    rounds::run(|now| {
        let (due, next) = due(&current(), now);
        (due.into_iter().map(|(upstream, index)| check(upstream, index)).collect(), next)
    })
    .await;
}

/// What one target's checks have found.
#[derive(Debug, Default)]
pub(super) struct Checks {
    next: Option<Instant>,
    failures: u32,
    successes: u32,
}

/// What to check now, and when to look again.
fn due(upstreams: &Upstreams, now: Instant) -> (Vec<(Arc<Upstream>, usize)>, Instant) {
    let (mut due, mut soonest) = (Vec::new(), now + LOOK_AGAIN);
    for upstream in upstreams.iter() {
        let Some(settings) = &upstream.settings.health else { continue };
        for (index, target) in upstream.targets.iter().enumerate() {
            let mut checks = target.checks.lock().unwrap_or_else(PoisonError::into_inner);
            match checks.next {
                Some(next) if next > now => soonest = soonest.min(next),
                _ => {
                    due.push((upstream.clone(), index));
                    // One at a time, however slow it is.
                    checks.next = Some(now + settings.interval.max(settings.timeout));
                }
            }
        }
    }
    (due, soonest)
}

async fn check(upstream: Arc<Upstream>, index: usize) {
    let Some(settings) = &upstream.settings.health else { return };
    let started = Instant::now();
    let target = &upstream.targets[index];
    let found =
        match tokio::time::timeout(settings.timeout, probe(&upstream, target, settings)).await {
            Ok(found) => found,
            Err(_) => Err(format!("no answer within {:?}", settings.timeout)),
        };
    let mut checks = target.checks.lock().unwrap_or_else(PoisonError::into_inner);
    checks.next = Some(started + settings.interval);
    match found {
        Ok(()) => checks.passed(&upstream, target, settings),
        Err(reason) => checks.failed(upstream.name(), target, settings, &reason),
    }
}

impl Checks {
    fn passed(&mut self, upstream: &Upstream, target: &Target, settings: &HealthCheck) {
        self.failures = 0;
        self.successes = self.successes.saturating_add(1);
        if self.successes >= settings.healthy_after && !target.healthy.load(Relaxed) {
            // First its share: with the whole of it, it could be run over.
            target.recovered(upstream.settings.slow_start);
            target.healthy.store(true, Relaxed);
            info!(upstream = &**upstream.name(), target = %target.name, "healthy again");
        }
    }

    fn failed(&mut self, upstream: &str, target: &Target, settings: &HealthCheck, reason: &str) {
        self.successes = 0;
        self.failures = self.failures.saturating_add(1);
        if self.failures >= settings.unhealthy_after && target.healthy.swap(false, Relaxed) {
            warn!(upstream, target = %target.name, reason, "unhealthy: taken out");
        }
    }
}

/// One request on a connection of its own: a kept one would say nothing of whether the target
/// still takes new ones.
async fn probe(upstream: &Upstream, target: &Target, settings: &HealthCheck) -> Result<(), String> {
    let counters = Arc::new([Counters::default()]) as Arc<[_]>;
    let deadline = Instant::now() + settings.timeout;
    let connection = upstream.connector.connect(target, 0, &counters, deadline).await;
    let connection = connection.map_err(|why| why.to_string())?;
    let mut request = Request::new(Body::Empty);
    request.head.uri = settings.path.parse().map_err(|why| format!("{}: {why}", settings.path))?;
    request.head.headers.insert(USER_AGENT, HeaderValue::from_static("torana-health"));
    let status = match connection {
        Connection::Http1(Http1 { mut connection, .. }) => {
            request::for_http1(&mut request, target, HostOf::Target);
            connection.begin(request);
            let head = poll_fn(|cx| connection.poll_head(cx)).await;
            head.map_err(|unanswered| unanswered.why.to_string())?.status
        }
        Connection::Http2(mut http2) => {
            let https = upstream.connector.is_tls();
            request::for_http2(&mut request, target, https, HostOf::Target);
            let response = http2.sender.send_request(request.into()).await;
            response.map_err(|why| with_sources(&why))?.status()
        }
    };
    match status {
        status if status.is_success() => Ok(()),
        status => Err(format!("{} answered {status}", settings.path)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        config::{self, HostField},
        upstream::{
            ramp::WHOLE,
            target::milliseconds,
            tests::{Service, get, settings, soon, text},
        },
    };

    fn checked(settings: config::Upstream) -> Arc<Upstreams> {
        let health = HealthCheck {
            path: "/healthz".into(),
            interval: Duration::from_millis(5),
            timeout: Duration::from_millis(500),
            unhealthy_after: 2,
            healthy_after: 2,
        };
        let settings = config::Upstream { health: Some(health), ..settings };
        Arc::new(Upstreams::build(&[settings], 1, None).unwrap())
    }

    #[tokio::test]
    async fn targets_go_out_and_come_back() {
        let service = Service::start().await;
        let slow_start = Duration::from_secs(600);
        let settings = config::Upstream { slow_start, ..settings(&[service.address()]) };
        let upstreams = checked(settings);
        let healthy = || upstreams.get("service").unwrap().stats()[0].healthy;
        let checks = run_health_checks(|| upstreams.clone());
        // Every answer is seen by the checks before they connect again.
        let serve = async {
            let answer = async |status: &str| {
                let response = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                service.accept().await.answer(&response).await
            };
            let head = answer("503 Service Unavailable").await;
            assert!(head.starts_with("GET /healthz HTTP/1.1\r\n"), "{head}");
            assert!(head.contains("user-agent: torana-health\r\n"), "{head}");
            assert!(healthy());
            drop(service.accept().await);
            answer("200 OK").await;
            assert!(!healthy());
            answer("500 Internal Server Error").await;
            answer("204 No Content").await;
            answer("200 OK").await;
            let last = service.accept().await;
            assert!(healthy());
            let ramp = &upstreams.get("service").unwrap().targets[0].outlier.ramp;
            assert!(ramp.share(milliseconds) < WHOLE, "it begins with a part of its share");
            drop(last);
        };
        tokio::select! {
            () = checks => {}
            () = serve => {}
        }
    }

    #[tokio::test]
    async fn checks_ask_for_the_host_that_requests_ask_for() {
        let service = Service::start().await;
        let own = service.address().to_string();
        let fixed = HostField::Name("api.partner.example".parse().unwrap());
        for (host, expected) in
            [(None, &*own), (Some(HostField::Target), &*own), (Some(fixed), "api.partner.example")]
        {
            let upstreams = checked(config::Upstream { host, ..settings(&[service.address()]) });
            let serve = async { service.accept().await.head().await };
            let head = tokio::select! {
                () = run_health_checks(|| upstreams.clone()) => unreachable!("it goes on"),
                head = serve => head,
            };
            assert!(head.contains(&format!("\r\nhost: {expected}\r\n")), "{head}");
        }
    }

    #[tokio::test]
    async fn unhealthy_targets_get_nothing_unless_all_are() {
        let (one, two) = (Service::start().await, Service::start().await);
        let upstreams = checked(settings(&[one.address(), two.address()]));
        let upstream = upstreams.get("service").unwrap();
        let ok = crate::upstream::tests::OK;
        upstream.targets[0].healthy.store(false, Relaxed);
        let client = async {
            text(upstream.send(get("/"), soon()).await).await;
            text(upstream.send(get("/"), soon()).await).await;
            upstream.targets[1].healthy.store(false, Relaxed);
            text(upstream.send(get("/"), soon()).await).await;
        };
        let serve_two = async {
            let mut peer = two.answer(ok).await;
            peer.answer(ok).await;
        };
        tokio::join!(serve_two, one.answer(ok), client);
        assert_eq!((upstream.stats()[0].requests, upstream.stats()[1].requests), (1, 2));
    }

    #[tokio::test]
    async fn a_check_that_hangs_has_failed() {
        let service = Service::start().await;
        let upstreams = checked(settings(&[service.address()]));
        let target = &upstreams.get("service").unwrap().targets[0];
        let settings = HealthCheck {
            timeout: Duration::from_millis(5),
            ..upstreams.get("service").unwrap().settings.health.clone().unwrap()
        };
        let upstream = upstreams.get("service").unwrap();
        let found =
            tokio::time::timeout(settings.timeout, probe(upstream, target, &settings)).await;
        assert!(found.is_err() || found.unwrap().is_err());
    }
}
