//! Spans on their way to the collector. It is one of the upstreams, and asked as plugins ask theirs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Method;

use crate::{
    config::{self, Config},
    dispatch::{Destination, Dispatch as _, DispatchError, Outgoing},
    fields::Fields,
    telemetry::Telemetry,
    traces::{Collector, Exporter, NoReply, Queue, Reply, Sampler, Tracer},
    upstream::Fetch,
};

/// How long the last spans may take.
const CLOSING: Duration = Duration::from_secs(5);

/// The largest answer of a collector, in bytes: it says little.
const ANSWER: u64 = 64 << 10;

/// The queue of spans and who sends them.
pub(super) struct Collecting {
    queue: Arc<Queue>,
    exporter: Exporter,
}

impl Collecting {
    pub(super) fn start(workers: usize, fetch: &Arc<Fetch>, telemetry: &Arc<Telemetry>) -> Self {
        let queue = Queue::new(workers, telemetry);
        let exporter = Exporter::start(queue.clone(), Upstreams(fetch.clone()), telemetry.clone());
        Self { queue, exporter }
    }

    /// What a configuration makes traces with.
    pub(super) fn tracer(&self, config: &Config) -> Option<Tracer> {
        let sampler = Sampler::new(config.traces.as_ref()?);
        Some(Tracer { sampler, queue: self.queue.clone() })
    }

    /// This configuration serves: spans go where it says, those that wait as well. Where it says nothing they go
    /// where they went, as long as it has that upstream.
    pub(super) fn turn_to(&self, config: &Config) {
        if let Some(settings) = &config.traces {
            self.exporter.turn_to(&self.queue, settings);
        }
    }

    /// Sends what there is.
    pub(super) async fn close(self) {
        self.exporter.close(CLOSING).await;
    }
}

struct Upstreams(Arc<Fetch>);

impl Collector for Upstreams {
    fn post(
        &self,
        settings: Arc<config::Traces>,
        headers: Fields,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Reply, NoReply>> {
        let sent = self.0.send(Outgoing {
            to: Destination::Upstream(settings.upstream.clone()),
            method: Method::POST,
            path: settings.path.to_string(),
            headers,
            body,
            timeout: settings.timeout,
            max_body: ANSWER,
            calls: None,
        });
        Box::pin(async move {
            let reply = sent.await.map_err(|why| NoReply {
                can_pass: !matches!(why, DispatchError::Invalid(_)),
                why: format!("`{}`: {why}", settings.upstream),
            })?;
            Ok(Reply { status: reply.status, headers: reply.headers, body: reply.body })
        })
    }
}
