//! The trace of one exchange that is sampled.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::HeaderValue;

use super::{
    Calls, Context, Queue, Span, SpanId, Tracer,
    otlp::Kind,
    span::{Birth, Clock},
};

/// What an exchange needs to begin spans. There is none where it is not sampled.
#[derive(Clone)]
pub struct Trace {
    queue: Arc<Queue>,
    clock: Clock,
    /// The span of the exchange itself.
    server: Context,
    /// The caller's span.
    caller: Option<SpanId>,
    /// The span that new ones are children of: the exchange's, or that of the plugin that is called.
    at: SpanId,
    /// What the plugin's call has used so far.
    cpu: Option<Duration>,
    /// Kept apart: the request's fields may be gone when it is asked for.
    pub user_agent: Option<HeaderValue>,
    /// The same; what others say of the trace.
    pub state: Option<String>,
    /// Why the gateway refused the request.
    pub refusal: Option<&'static str>,
}

/// A plugin's call that has ended, or has become the way of a body.
pub struct HookCall<'a> {
    /// The `[plugins.NAME]` entry.
    pub plugin: &'a str,
    /// Which hook.
    pub hook: &'static str,
    /// What came of it.
    pub decision: &'static str,
    /// When it began.
    pub began: Instant,
}

impl Tracer {
    /// The place of a request in its trace, and what spans are made with if it is sampled. `caller` is the one that it
    /// came with.
    pub fn place(
        &self,
        caller: Option<Context>,
        is_trusted: bool,
        began: Instant,
    ) -> (Context, Option<Box<Trace>>) {
        let is_sampled = self.sampler.takes(caller, is_trusted);
        let context = match caller {
            None => Context::decided(is_sampled),
            // A number of its own is what a span has (W3C Trace Context, 3.4): where none is made, and nothing is
            // changed either, the caller's stays.
            Some(caller) if !is_sampled && !caller.is_sampled() => caller,
            Some(caller) => caller.at(SpanId::new()).sampled(is_sampled),
        };
        let trace = is_sampled.then(|| {
            Box::new(Trace {
                queue: self.queue.clone(),
                clock: Clock::of(began),
                server: context,
                caller: caller.map(|caller| caller.span),
                at: context.span,
                cpu: None,
                user_agent: None,
                state: None,
                refusal: None,
            })
        });
        (context, trace)
    }
}

impl Trace {
    /// The span of the exchange itself.
    pub fn server(&self, name: String, began: Instant) -> Span {
        let birth = Birth {
            context: self.server,
            parent: self.caller,
            is_remote: self.caller.is_some(),
            kind: Kind::Server,
            name,
            began,
        };
        Span::begin(self.queue.clone(), self.clock, birth)
    }

    /// A plugin is called: what is done until it [leaves](Self::leave) is its doing.
    pub fn enter(&mut self) {
        self.at = SpanId::new();
        self.cpu = None;
    }

    /// The plugin's call has used so much CPU time.
    pub fn used(&mut self, cpu: Duration) {
        self.cpu = Some(cpu);
    }

    /// The plugin's call is over: the span of it.
    pub fn leave(&mut self, call: HookCall<'_>) -> Span {
        let HookCall { plugin, hook, decision, began } = call;
        let birth = Birth {
            context: self.server.at(self.at),
            parent: Some(self.server.span),
            is_remote: false,
            kind: Kind::Internal,
            name: format!("{plugin} {hook}"),
            began,
        };
        let mut span = Span::begin(self.queue.clone(), self.clock, birth);
        span.set("torana.plugin", plugin);
        span.set("torana.hook", hook);
        span.set("torana.decision", decision);
        if let Some(cpu) = self.cpu.take() {
            span.set("torana.cpu_us", micros(cpu));
        }
        self.at = self.server.span;
        span
    }

    /// For a copy of the request, which nobody waits for.
    pub fn mirrored(&self) -> Arc<Calls> {
        Arc::new(self.calls_of().mirrored())
    }

    /// For requests that are made now: children of the exchange, or of the plugin that is called.
    pub fn calls(&self) -> Arc<Calls> {
        Arc::new(self.calls_of())
    }

    fn calls_of(&self) -> Calls {
        Calls::new(self.queue.clone(), self.clock, self.server.at(self.at))
    }
}

/// As a number of an attribute.
fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
