//! Distributed traces: which request did what, which plugin and which service had a part in it, and how long each
//! took, as spans for an OpenTelemetry collector.
//!
//! ```text
//! ids, context   numbers of traces and spans, and `traceparent` (W3C Trace Context)
//! sampling       which requests are traced
//! trace          the trace of one exchange, which begins its spans     calls   those of its requests to services
//! span           one span, until it is over                             method  how it calls a method
//! otlp           its form on the wire (OTLP 1.9, protobuf)
//! queue          spans that wait, for each worker
//! exporter       sends them, and what it does when it cannot
//! ```
//!
//! An exchange that is not sampled has no trace: whoever could begin a span looks at an `Option` and goes on. A span
//! is encoded where it ends and put into a buffer of its worker; all that may fail or wait is the exporter's, on the
//! control thread. What has no room is dropped and counted, and no request waits.

mod calls;
mod context;
mod exporter;
mod ids;
pub mod method;
mod otlp;
mod queue;
mod sampling;
mod span;
mod trace;

pub use calls::{Attempt, Calls};
pub use context::{Context, TRACEPARENT, TRACESTATE, state_of};
pub use exporter::{Collector, Exporter, NoReply, Reply};
pub use ids::{SpanId, TraceId};
pub use otlp::Value;
pub use queue::Queue;
pub use sampling::Sampler;
pub use span::Span;
pub use trace::{HookCall, Trace};

use std::sync::Arc;

/// What a configuration makes traces with.
pub struct Tracer {
    /// Which requests.
    pub sampler: Sampler,
    /// Where spans go.
    pub queue: Arc<Queue>,
}
