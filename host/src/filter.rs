//! What a chain calls. The chain knows this trait; the plugin room implements it.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    config::OnError,
    message::{Exchange, Reply, Standing},
};

/// One plugin as a chain uses it.
pub trait Filter: Send + Sync {
    /// What a stream hook makes for one body.
    type Stage: Stage;

    /// The `[plugins.NAME]` entry.
    fn name(&self) -> &Arc<str>;

    /// Where it wants to be called.
    fn hooks(&self) -> Hooks;

    /// What is done to every exchange without a call.
    fn standing(&self) -> &Standing;

    /// What happens when it fails.
    fn on_error(&self) -> OnError;

    /// The largest body that it buffers, in bytes.
    fn body_cap(&self) -> u64;

    /// Whether this stream hook only hears a body, which goes on as it came.
    fn listens(&self, hook: Hook) -> bool;

    /// Calls one hook. The exchange is back in its place when the future is done, whatever came
    /// of it; a future that is dropped takes the exchange with it.
    fn call(
        &self,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> impl Future<Output = Result<Verdict, Failure>> + Send;

    /// Begins a stream hook, which may still change the head; none if it lets the body pass as it
    /// is.
    fn open(
        &self,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> impl Future<Output = Result<Option<Self::Stage>, Failure>> + Send;
}

/// One body's way through one plugin. Dropped before `finish` it was broken off.
pub trait Stage: Sized + Send + Unpin + 'static {
    /// Takes what arrived and gives what is to be sent on, which may be nothing.
    fn chunk(&mut self, data: Bytes) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    /// The body has ended: gives what is left.
    fn finish(self) -> impl Future<Output = Result<Bytes, Failure>> + Send;
}

/// A moment at which a chain calls a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hook {
    /// `on-request-head`
    RequestHead,
    /// `on-request-body`
    RequestBody,
    /// `on-request-stream`
    RequestStream,
    /// `handler`
    Handler,
    /// `on-response-head`
    ResponseHead,
    /// `on-response-body`
    ResponseBody,
    /// `on-response-stream`
    ResponseStream,
}

impl Hook {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 7] = [
        Self::RequestHead,
        Self::RequestBody,
        Self::RequestStream,
        Self::Handler,
        Self::ResponseHead,
        Self::ResponseBody,
        Self::ResponseStream,
    ];

    /// The interface's name in the WIT.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestHead => "on-request-head",
            Self::RequestBody => "on-request-body",
            Self::RequestStream => "on-request-stream",
            Self::Handler => "handler",
            Self::ResponseHead => "on-response-head",
            Self::ResponseBody => "on-response-body",
            Self::ResponseStream => "on-response-stream",
        }
    }
}

/// Which hooks a plugin exports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hooks {
    /// `on-request-head`
    pub request_head: bool,
    /// `on-request-body`
    pub request_body: bool,
    /// `on-request-stream`
    pub request_stream: bool,
    /// `handler`
    pub handler: bool,
    /// `on-response-head`
    pub response_head: bool,
    /// `on-response-body`
    pub response_body: bool,
    /// `on-response-stream`
    pub response_stream: bool,
    /// `on-tick`
    pub tick: bool,
    /// `schema`
    pub schema: bool,
}

impl Hooks {
    /// Names of those that are there, in the contract's order.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            ("on-request-head", self.request_head),
            ("on-request-body", self.request_body),
            ("on-request-stream", self.request_stream),
            ("handler", self.handler),
            ("on-response-head", self.response_head),
            ("on-response-body", self.response_body),
            ("on-response-stream", self.response_stream),
            ("on-tick", self.tick),
            ("schema", self.schema),
        ];
        all.into_iter().filter(|(_, exported)| *exported).map(|(name, _)| name).collect()
    }

    /// Whether a chain calls this one.
    pub fn has(self, hook: Hook) -> bool {
        match hook {
            Hook::RequestHead => self.request_head,
            Hook::RequestBody => self.request_body,
            Hook::RequestStream => self.request_stream,
            Hook::Handler => self.handler,
            Hook::ResponseHead => self.response_head,
            Hook::ResponseBody => self.response_body,
            Hook::ResponseStream => self.response_stream,
        }
    }
}

/// What a hook answered.
#[derive(Debug)]
pub enum Verdict {
    /// Go on.
    Next,
    /// Answer this. Boxed: most calls say to go on, and what they say is handed on several times.
    Respond(Box<Reply>),
}

/// A hook call that gave no answer.
#[derive(Debug)]
pub struct Failure {
    /// The `[plugins.NAME]` entry.
    pub plugin: Arc<str>,
    /// Which hook.
    pub hook: Hook,
    /// Why.
    pub cause: Cause,
}

/// Why a hook call gave no answer.
#[derive(Debug)]
pub enum Cause {
    /// The plugin said so itself, with a text for each side.
    Refused {
        /// For the client; may be empty.
        client: String,
        /// For the log.
        log: String,
    },
    /// The guest trapped; the panic's text where there was one.
    Trap(String),
    /// It used more CPU time than `limits.cpu`.
    Cpu(Duration),
    /// It took longer than `limits.wall`.
    Wall(Duration),
    /// It wanted more memory than `limits.memory`, in bytes.
    Memory(usize),
    /// What it answered breaks the contract (a status of 99, say).
    Contract(String),
    /// The message is of a kind that never ends, and the hook wants all of it.
    Endless(String),
    /// Every instance was busy for too long.
    Busy,
    /// As many bodies as may pass through it at a time did so for too long.
    Crowded,
    /// A new instance could not be made.
    Startup(String),
}

impl Cause {
    /// What the client is told of it, if the plugin said anything for it.
    pub fn client(&self) -> &str {
        match self {
            Self::Refused { client, .. } => client,
            _ => "",
        }
    }

    /// The label in `torana_plugin_failures_total{cause}`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "error",
            Self::Trap(_) => "trap",
            Self::Cpu(_) => "cpu",
            Self::Wall(_) => "wall",
            Self::Memory(_) => "memory",
            Self::Contract(_) => "contract",
            Self::Endless(_) => "endless",
            Self::Busy | Self::Crowded => "busy",
            Self::Startup(_) => "startup",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { log, .. } => f.write_str(log),
            Self::Trap(why) => write!(f, "trapped: {why}"),
            Self::Cpu(budget) => write!(f, "used up its CPU budget of {budget:?} (limits.cpu)"),
            Self::Wall(budget) => write!(f, "took longer than {budget:?} (limits.wall)"),
            Self::Memory(cap) => write!(f, "needs more memory than {cap} bytes (limits.memory)"),
            Self::Contract(why) => write!(f, "broke the contract: {why}"),
            Self::Endless(kind) => {
                write!(f, "wants the whole body, which a message of type {kind} never is")
            }
            Self::Busy => f.write_str("every instance is busy (limits.instances)"),
            Self::Crowded => f.write_str("too many bodies pass through it (limits.streams)"),
            Self::Startup(why) => write!(f, "no instance could be made: {why}"),
        }
    }
}
