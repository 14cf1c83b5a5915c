//! Sends spans to a collector over OTLP/HTTP, and keeps to what the protocol says of failures: some are worth another
//! attempt, of the others the spans are dropped (OTLP 1.9, "Failures").

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
};
use prost::Message as _;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tracing::{error, info, warn};

use super::{
    Queue,
    otlp::{self, ExportRequest, ExportResponse, Resource, ResourceSpans, Scope, ScopeSpans},
    queue::Parcel,
};
use crate::{
    config::Traces,
    fields::Fields,
    random::{random_u64, sixteen_digits},
    telemetry::{Telemetry, one_line},
};

/// The most spans that go out together, in bytes. Collectors take 20 MiB and more.
const BATCH: usize = 1 << 20;

/// The pause behind the first failure, and the longest; each is twice the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a batch is tried. What comes meanwhile waits, as far as there is room.
const PATIENCE: Duration = Duration::from_secs(60);

/// The semantic conventions that attributes are named by.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.36.0";

/// Takes a request to a collector.
pub trait Collector: Send + Sync + 'static {
    /// POSTs a body.
    fn post(
        &self,
        settings: Arc<Traces>,
        headers: Fields,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Reply, NoReply>>;
}

/// Why a collector was not asked, or has said nothing.
pub struct NoReply {
    /// For the log.
    pub why: String,
    /// It may be otherwise soon. Where the configuration knows no such collector, it will not.
    pub can_pass: bool,
}

/// What a collector says.
pub struct Reply {
    /// Whether it has taken the spans.
    pub status: StatusCode,
    /// `Retry-After` is looked at.
    pub headers: Fields,
    /// A message of OTLP, or whatever a proxy before it says.
    pub body: Bytes,
}

/// The exporter of a process. It outlives configurations, as its queue does.
pub struct Exporter {
    orders: watch::Sender<Orders>,
    task: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Orders {
    /// Those of the last configuration that had any: what is queued still goes out when there are none any more.
    settings: Option<Arc<Traces>>,
    is_closing: bool,
}

impl Exporter {
    /// Begins to wait for spans, on the runtime of the caller.
    pub fn start(queue: Arc<Queue>, collector: impl Collector, telemetry: Arc<Telemetry>) -> Self {
        let (orders, current) = watch::channel(Orders::default());
        let instance = instance_id();
        let faults = Vec::new();
        let work = Work { queue, collector, telemetry, orders: current, instance, faults };
        Self { orders, task: tokio::spawn(work.run()) }
    }

    /// From now on by these settings; what waits goes by them, too.
    pub fn turn_to(&self, queue: &Queue, settings: &Traces) {
        queue.resize(settings.queue);
        self.orders.send_modify(|orders| orders.settings = Some(Arc::new(settings.clone())));
    }

    /// Sends what there is and ends, at the latest when that time is over.
    pub async fn close(self, at_most: Duration) {
        self.orders.send_modify(|orders| orders.is_closing = true);
        let mut task = self.task;
        if timeout(at_most, &mut task).await.is_err() {
            task.abort();
            warn!("the collector has not taken the last spans in time: they are lost");
        }
    }
}

/// What the task has at hand.
struct Work<C> {
    queue: Arc<Queue>,
    collector: C,
    telemetry: Arc<Telemetry>,
    orders: watch::Receiver<Orders>,
    /// Tells this process from others.
    instance: String,
    /// What was written down, and is not over.
    faults: Vec<Fault>,
}

/// What is wrong, as far as it makes a line of its own: the texts of one fault differ by ports, times and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The configuration has no such collector.
    Nowhere,
    /// There is no answer.
    Unanswered,
    /// The answer is this one.
    Answer(StatusCode),
    /// Some spans are not taken.
    Partly,
    /// All are taken, with a warning.
    Remark,
}

/// An attempt that did not succeed.
struct Failure {
    fault: Fault,
    /// For the log.
    why: String,
    /// Worth another attempt, not before so long; none where that would end as this one did.
    again: Option<Duration>,
}

impl<C: Collector> Work<C> {
    async fn run(mut self) {
        loop {
            let orders = self.orders.borrow_and_update().clone();
            let is_closing = orders.is_closing || self.is_alone();
            if !is_closing {
                self.pause(orders.settings.as_deref()).await;
            }
            let mut waiting = VecDeque::from(self.queue.take());
            while !waiting.is_empty() {
                let batch = cut(&mut waiting);
                self.deliver(batch).await;
            }
            if is_closing {
                return;
            }
        }
    }

    /// Whether nobody is left to say anything: the exporter was dropped, not closed.
    fn is_alone(&self) -> bool {
        self.orders.has_changed().is_err()
    }

    /// Until there is something to be done.
    async fn pause(&mut self, settings: Option<&Traces>) {
        let Some(settings) = settings else {
            let _ = self.orders.changed().await;
            return;
        };
        tokio::select! {
            () = sleep(settings.interval) => {}
            () = self.queue.enough.notified() => {}
            _ = self.orders.changed() => {}
        }
    }

    /// As often as it takes, and is worth it.
    async fn deliver(&mut self, batch: Vec<Parcel>) {
        let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
        let count = batch.len() as u64;
        loop {
            let failure = match self.send(&batch).await {
                Ok(rejected) => {
                    self.telemetry.spans_exported(count.saturating_sub(rejected));
                    self.telemetry.span_batches("taken");
                    if rejected > 0 {
                        self.telemetry.spans_dropped("rejected", rejected.min(count));
                    }
                    break;
                }
                Err(failure) => failure,
            };
            self.failed(&failure);
            let Some(asked) = failure.again else {
                self.telemetry.span_batches("refused");
                self.telemetry.spans_dropped("refused", count);
                break;
            };
            // A collector that asks for no pause at all gets ours.
            let wait = jittered(pause).max(asked);
            if begun.elapsed() + wait > PATIENCE {
                self.telemetry.span_batches("given-up");
                self.telemetry.spans_dropped("unanswered", count);
                break;
            }
            self.telemetry.span_batches("repeated");
            pause = (pause * 2).min(LONGEST_PAUSE);
            tokio::select! {
                () = sleep(wait) => {}
                // Other settings may be what was missing.
                Ok(()) = self.orders.changed() => {}
            }
        }
        self.queue.done(&batch);
    }

    /// One attempt. Gives the number of spans that the collector would not have.
    async fn send(&mut self, batch: &[Parcel]) -> Result<u64, Failure> {
        let settings = self.orders.borrow_and_update().settings.clone();
        let Some(settings) = settings else {
            let why = "nobody has said where spans go".to_owned();
            return Err(Failure { fault: Fault::Nowhere, why, again: None });
        };
        let mut headers = settings.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let mut body = Bytes::from(request(&settings, &self.instance, batch).encode_to_vec());
        if settings.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            body = gzip(&body).await;
        }
        let reply = self.collector.post(settings, headers, body).await;
        let reply = reply.map_err(unanswered)?;
        match reply.status.is_success() {
            true => Ok(self.taken(&reply.body)),
            false => Err(refused(&reply)),
        }
    }

    /// What a collector has against some of the spans that it took. Whoever stands before it may answer otherwise.
    fn taken(&mut self, body: &[u8]) -> u64 {
        let partial = ExportResponse::decode(body).ok().and_then(|reply| reply.partial_success);
        let Some(partial) = partial else {
            self.recovered(None);
            return 0;
        };
        let rejected = u64::try_from(partial.rejected_spans).unwrap_or_default();
        let fault = match (rejected, partial.error_message.is_empty()) {
            (0, true) => None,
            (0, false) => Some(Fault::Remark),
            _ => Some(Fault::Partly),
        };
        self.recovered(fault);
        let said = one_line(&partial.error_message);
        match fault.filter(|fault| self.is_news(*fault)) {
            None => {}
            Some(Fault::Remark) => warn!("the collector has taken the spans, and says: {said}"),
            Some(_) => warn!(rejected, "the collector has not taken all spans: {said}"),
        }
        rejected
    }

    fn failed(&mut self, failure: &Failure) {
        if self.is_news(failure.fault) {
            error!("spans are not taken by the collector: {}", failure.why);
        }
    }

    /// A fault that lasts is written down once.
    fn is_news(&mut self, fault: Fault) -> bool {
        let is_news = !self.faults.contains(&fault);
        if is_news {
            self.faults.push(fault);
        }
        is_news
    }

    /// Spans are taken: what was wrong is over, but for this.
    fn recovered(&mut self, remains: Option<Fault>) {
        let is_over = |fault: &Fault| Some(*fault) != remains;
        if self.faults.iter().any(|fault| is_over(fault) && *fault != Fault::Remark) {
            info!("spans are taken by the collector again");
        }
        self.faults.retain(|fault| !is_over(fault));
    }
}

fn unanswered(NoReply { why, can_pass }: NoReply) -> Failure {
    match can_pass {
        true => Failure { fault: Fault::Unanswered, why, again: Some(Duration::ZERO) },
        false => Failure { fault: Fault::Nowhere, why, again: None },
    }
}

/// By an answer.
fn refused(reply: &Reply) -> Failure {
    let asked = || retry_after(&reply.headers).unwrap_or_default();
    let is_passing = matches!(reply.status.as_u16(), 429 | 502 | 503 | 504);
    Failure {
        fault: Fault::Answer(reply.status),
        why: format!("it answers {}{}", reply.status, said(&reply.body)),
        again: is_passing.then(asked),
    }
}

/// Takes off as much as goes out together.
fn cut(waiting: &mut VecDeque<Parcel>) -> Vec<Parcel> {
    let sums = waiting.iter().scan(0, |sum, parcel| {
        *sum += parcel.span.len();
        Some(*sum)
    });
    let count = sums.take_while(|sum| *sum <= BATCH).count().max(1);
    waiting.drain(..count.min(waiting.len())).collect()
}

fn request(settings: &Traces, instance: &str, batch: &[Parcel]) -> ExportRequest {
    let scope = Scope { name: "torana".to_owned(), version: VERSION.to_owned() };
    let spans = ScopeSpans {
        scope: Some(scope),
        spans: batch.iter().map(|parcel| parcel.span.clone()).collect(),
        schema_url: SCHEMA.to_owned(),
    };
    let resource = Some(resource(settings, instance));
    ExportRequest { resource_spans: vec![ResourceSpans { resource, scope_spans: vec![spans] }] }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The gateway, in its own words and then those of the file, which win.
fn resource(settings: &Traces, instance: &str) -> Resource {
    let ours = [
        ("service.name", settings.service.as_str()),
        ("service.version", VERSION),
        ("service.instance.id", instance),
        ("telemetry.sdk.name", "torana"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.version", VERSION),
    ];
    let is_said = |name: &str| settings.resource.iter().any(|(said, _)| said == name);
    let ours = ours.into_iter().filter(|(name, _)| !is_said(name));
    let theirs = settings.resource.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Resource { attributes: ours.chain(theirs).map(|(k, v)| otlp::attribute(k, v)).collect() }
}

/// A UUID of version 4 (RFC 9562), as the conventions want it.
fn instance_id() -> String {
    let digits = |number: u64| String::from_utf8_lossy(&sixteen_digits(number)).into_owned();
    let upper = digits(random_u64() & !0xf000 | 0x4000);
    let lower = digits(random_u64() & !(0b11 << 62) | 0b10 << 62);
    [&upper[..8], &upper[8..12], &upper[12..], &lower[..4], &lower[4..]].join("-")
}

async fn gzip(body: &[u8]) -> Bytes {
    use tokio::io::AsyncWriteExt as _;
    let mut encoder = async_compression::tokio::write::GzipEncoder::new(Vec::new());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body).await;
    let _ = encoder.shutdown().await;
    encoder.into_inner().into()
}

/// The beginning of what a collector says of a failure, where it is text: a message of protobuf has its own in it.
fn said(body: &[u8]) -> String {
    const MOST: usize = 200;
    let text = String::from_utf8_lossy(body);
    let text = text.trim_matches(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER);
    match text {
        "" => String::new(),
        text => format!(": {}", one_line(&text[..text.floor_char_boundary(MOST)])),
    }
}

/// Seconds (RFC 9110, 10.2.3), no more than would be waited for anyway. A date is left to the pauses.
fn retry_after(headers: &Fields) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(PATIENCE / 2))
}

/// Up to a half less, so that gateways that failed together do not all come back together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(1.0 - 0.5 * (random_u64() as f64 / u64::MAX as f64))
}

#[cfg(test)]
mod tests {
    use std::{
        future, iter,
        sync::atomic::{AtomicU64, Ordering::Relaxed},
    };

    use super::*;

    type Answer = fn() -> Result<Reply, NoReply>;

    /// A collector that says the same each time.
    struct Always(Answer, Arc<AtomicU64>);

    impl Collector for Always {
        fn post(
            &self,
            _: Arc<Traces>,
            _: Fields,
            _: Bytes,
        ) -> BoxFuture<'static, Result<Reply, NoReply>> {
            self.1.fetch_add(1, Relaxed);
            Box::pin(future::ready(self.0()))
        }
    }

    /// How often one span is sent, until it is lost for that reason. The exporter is dropped then, not closed.
    async fn attempts(answer: Answer, reason: &str) -> u64 {
        let (telemetry, attempts) = (Telemetry::new(), Arc::<AtomicU64>::default());
        let queue = Queue::new(0, &telemetry);
        let collector = Always(answer, attempts.clone());
        let exporter = Exporter::start(queue.clone(), collector, telemetry.clone());
        exporter.turn_to(&queue, &Traces::usual());
        queue.push(Bytes::from_static(b"a span"));
        sleep(2 * PATIENCE).await;
        let line = format!("torana_traces_dropped_total{{reason=\"{reason}\"}} 1\n");
        let page = telemetry.render();
        assert!(page.contains(&line), "{line}{page}");
        let Exporter { orders, task } = exporter;
        drop(orders);
        task.await.expect("its end");
        attempts.load(Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_asks_for_no_pause_gets_one() {
        let busy: Answer = || {
            let headers = iter::once((RETRY_AFTER, HeaderValue::from_static("0"))).collect();
            Ok(Reply { status: StatusCode::SERVICE_UNAVAILABLE, headers, body: Bytes::new() })
        };
        let attempts = attempts(busy, "unanswered").await;
        assert!((5..25).contains(&attempts), "{attempts}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_collector_that_the_file_does_not_have() {
        let nowhere: Answer =
            || Err(NoReply { why: "no such upstream".to_owned(), can_pass: false });
        assert_eq!(attempts(nowhere, "refused").await, 1);
        let away: Answer = || Err(NoReply { why: "no connection".to_owned(), can_pass: true });
        assert!(attempts(away, "unanswered").await > 1);
    }

    #[test]
    fn batches_are_bounded_and_keep_their_order() {
        let queue = Queue::new(0, &Telemetry::new());
        queue.resize(16 << 20);
        for length in [BATCH / 2, BATCH / 2, 1, 2 * BATCH, 3] {
            queue.push(vec![0; length].into());
        }
        let mut waiting = VecDeque::from(queue.take());
        let next = || (!waiting.is_empty()).then(|| cut(&mut waiting));
        let lengths =
            |batch: Vec<Parcel>| -> Vec<usize> { batch.iter().map(|p| p.span.len()).collect() };
        let batches: Vec<_> = iter::from_fn(next).map(lengths).collect();
        assert_eq!(batches, [vec![BATCH / 2, BATCH / 2], vec![1], vec![2 * BATCH], vec![3]]);
    }
}
