//! One span, until it is over.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use prost::Message as _;

use super::{
    Context, Queue, SpanId,
    otlp::{self, HAS_IS_REMOTE, IS_REMOTE, Kind, Status, StatusCode, Value, attribute},
};

/// A piece of work that is under way. It goes to the queue when it has ended; dropped before, it was given up.
pub struct Span {
    queue: Arc<Queue>,
    clock: Clock,
    context: Context,
    span: otlp::Span,
    is_over: bool,
}

/// The time of day by the clock that the rest of the gateway measures with: read once for a trace, so that its spans
/// stand to each other as they were measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    began: Instant,
    /// Since 1970.
    at: Duration,
}

impl Clock {
    /// For what began a moment ago.
    pub(super) fn of(began: Instant) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began, at: now.saturating_sub(began.elapsed()) }
    }

    fn nanos(self, moment: Instant) -> u64 {
        let at = match moment.checked_duration_since(self.began) {
            Some(later) => self.at.saturating_add(later),
            None => self.at.saturating_sub(self.began.duration_since(moment)),
        };
        u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// What a span is of.
pub(super) struct Birth {
    pub(super) context: Context,
    pub(super) parent: Option<SpanId>,
    /// The parent is in another process.
    pub(super) is_remote: bool,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) began: Instant,
}

impl Span {
    pub(super) fn begin(queue: Arc<Queue>, clock: Clock, birth: Birth) -> Self {
        let Birth { context, parent, is_remote, kind, name, began } = birth;
        let remote = if is_remote { IS_REMOTE } else { 0 };
        let span = otlp::Span {
            trace_id: context.trace.bytes(),
            span_id: context.span.bytes(),
            parent_span_id: parent.map(SpanId::bytes).unwrap_or_default(),
            name,
            kind: kind.into(),
            start_time_unix_nano: clock.nanos(began),
            flags: u32::from(context.flags()) | HAS_IS_REMOTE | remote,
            ..otlp::Span::default()
        };
        Self { queue, clock, context, span, is_over: false }
    }

    /// Its place: what is done there is its child.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Says something of it.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.span.attributes.push(attribute(key, value));
    }

    /// What others say of the trace, as [`state_of`](super::state_of) gives it.
    pub fn set_state(&mut self, state: &str) {
        state.clone_into(&mut self.span.trace_state);
    }

    /// It has failed: `kind` is one of a few words, `why` for people. The first failure is the one that counts.
    pub fn fail(&mut self, kind: &str, why: &str) {
        if self.span.status.is_some() {
            return;
        }
        self.set("error.type", kind);
        let Value::Text(message) = Value::from(why) else { return };
        self.span.status = Some(Status { message, code: StatusCode::Error.into() });
    }

    /// It has ended.
    pub fn end(self) {
        self.end_at(Instant::now());
    }

    /// It had ended then.
    pub fn end_at(mut self, moment: Instant) {
        self.finish(moment);
    }

    fn finish(&mut self, moment: Instant) {
        self.is_over = true;
        self.span.end_time_unix_nano = self.clock.nanos(moment).max(self.span.start_time_unix_nano);
        self.queue.push(self.span.encode_to_vec().into());
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if !self.is_over {
            self.fail("cancelled", "");
            self.finish(Instant::now());
        }
    }
}
