//! The ways to misbehave.

use std::hint::black_box;

use serde_json::{Map, Value};
use torana_plugin_sdk::{
    host::EditHeaders,
    prelude::*,
    serde::{
        Deserialize,
        de::{IntoDeserializer, value::Error as ValueError},
    },
};

/// A way to misbehave.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// Not at all.
    #[default]
    Fine,
    /// Traps, with a text.
    Panic,
    /// Runs for ever.
    Loop,
    /// Runs for about as long as a slow plugin would, 200 ms on the clock, and then goes on.
    Slow,
    /// Calls the host for ever.
    CallLoop,
    /// Takes memory until there is no more.
    Memory,
    /// Takes 8 MiB, more than an idle instance may keep, and goes on.
    Grow,
    /// Calls itself until the stack ends.
    Recursion,
    /// Answers with a failure.
    Fail,
    /// Replies with 32 MiB.
    HugeReply,
    /// Replies with a status that is none.
    BadStatus,
    /// Replies with a header value that would end the head.
    BadHeader,
    /// Replies with a cookie.
    Cookie,
    /// Replies with 1,000 headers.
    ManyHeaders,
    /// Adds 100,000 headers, whatever the host says.
    HeaderFlood,
    /// Adds one header of 1 MiB.
    HeaderHuge,
    /// Writes 100,000 log lines of 1 KiB.
    LogFlood,
    /// Counts under 1,000 names.
    MetricFlood,
    /// Reads a hidden header, and replies with what it got.
    Hidden,
    /// Tries to change every reserved and hidden header, and replies with what came of each.
    Reserved,
    /// Asks for a response where there is none.
    NoResponse,
}

impl Mode {
    /// Reads `x-mode`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let parsed: Result<_, ValueError> = Self::deserialize(text.into_deserializer());
        parsed.map_err(|error| format!("`x-mode`: {error}").into())
    }

    /// Misbehaves without help of the host.
    pub(crate) fn alone(self) {
        match self {
            Self::Panic => panic!("panicked on purpose"),
            Self::Loop => run_for_ever(),
            Self::Memory => take_memory(usize::MAX),
            Self::Grow => take_memory(8 << 20),
            Self::Recursion => drop(black_box(recurse(1))),
            _ => {}
        }
    }

    /// Misbehaves in a hook.
    pub(crate) fn misbehave(self, host: &impl Host, head: &impl EditHeaders) -> Outcome {
        self.alone();
        match self {
            Self::Slow => wait(host, 200),
            Self::CallLoop => call_for_ever(host),
            Self::Fail => return Err(Failure::new("failed on purpose").for_client("It failed.")),
            Self::HugeReply => return respond(Reply::text(200, "x".repeat(32 << 20))),
            Self::BadStatus => return respond(Reply::empty(99)),
            Self::BadHeader => return respond(Reply::empty(200).header("x-bad", "a\r\nx-evil: b")),
            Self::Cookie => return respond(Reply::empty(200).header("set-cookie", "session=evil")),
            Self::ManyHeaders => return respond(many_headers()),
            Self::HeaderFlood => flood(head),
            Self::HeaderHuge => head.add_header("x-huge", &"x".repeat(1 << 20))?,
            Self::LogFlood => (0..100_000).for_each(|_| host.log().error("x".repeat(1024))),
            Self::MetricFlood => {
                (0..1000).for_each(|i| host.metrics().count(&format!("name-{i}"), 1));
            }
            Self::Hidden => return respond(hidden(host)),
            Self::Reserved => return respond(Reply::json(200, &reserved(head))?),
            Self::NoResponse => drop(black_box(host.response().status())),
            _ => {}
        }
        Ok(Action::Next)
    }
}

fn respond(reply: Reply) -> Outcome {
    Ok(reply.into())
}

fn run_for_ever() {
    loop {
        black_box(());
    }
}

fn call_for_ever(host: &impl Host) {
    loop {
        black_box(host.clock().monotonic_nanos());
    }
}

fn wait(host: &impl Host, millis: u64) {
    let end = host.clock().monotonic_nanos() + millis * 1_000_000;
    while host.clock().monotonic_nanos() < end {}
}

/// Takes memory and touches it.
fn take_memory(bytes: usize) {
    const MEBIBYTE: usize = 1 << 20;
    let mut taken = Vec::new();
    while taken.len() < bytes / MEBIBYTE {
        taken.push(black_box(vec![1_u8; MEBIBYTE]));
    }
    black_box(&taken);
}

/// The compiler must neither see that this never ends nor make a loop of it.
#[expect(unconditional_recursion, reason = "that is what it is for")]
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    black_box(recurse(black_box(depth + 1))) + room[(depth % 64) as usize]
}

fn many_headers() -> Reply {
    (0..1000).fold(Reply::empty(200), |reply, i| reply.header(format!("x-{i}"), "many"))
}

fn flood(head: &impl EditHeaders) {
    for i in 0..100_000 {
        // Whatever the host says.
        let _ = head.add_header(&format!("x-flood-{i}"), "flood");
    }
}

fn hidden(host: &impl Host) -> Reply {
    match host.request().header("authorization") {
        Ok(Some(value)) => Reply::text(200, value),
        Ok(None) => Reply::text(200, "none"),
        Err(refused) => Reply::text(200, format!("{:?}", refused.why)),
    }
}

fn reserved(head: &impl EditHeaders) -> Map<String, Value> {
    let names = [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let outcome = |result: Result<(), Refused<_>>| match result {
        Ok(()) => "done".to_owned(),
        Err(refused) => format!("{:?}", refused.why),
    };
    let try_all = |name: &str| {
        vec![
            outcome(head.set_header(name, "5")),
            outcome(head.set_header_bytes(name, b"5")),
            outcome(head.add_header(name, "5")),
            outcome(head.remove_header(name)),
        ]
    };
    names.iter().map(|&name| (name.to_owned(), try_all(name).into())).collect()
}
