//! Requests that are meant to be two: whatever a client sends, the service reads one request or
//! none, and each of its bytes is as the RFCs want it. What reaches it is judged by a reader that
//! takes nothing but the letter ([`torana_tests::strict`]).
//!
//! The cases are in `http1.txt` and `http2.txt`.

mod cases;

use std::{net::SocketAddr, time::Duration};

use cases::{Case, Expected, Fields};
use futures_util::{StreamExt as _, stream};
use torana_tests::{
    Gateway, Raw,
    h2raw::{self, END_HEADERS, END_STREAM, H2Raw, NONE, Outcome, frame, kind},
    strict::{Recorded, Recorder},
    toml,
};

/// Cases under way at once.
const AT_ONCE: usize = 16;

/// A gateway that waits no longer than `idle` for bytes that nobody sends, and where copies of all
/// requests go to a mirror.
async fn gateway(
    recorder: &Recorder,
    mirrored: &Recorder,
    idle: &str,
) -> ([torana_tests::RawBackend; 2], Gateway) {
    let services = [recorder.start().await, mirrored.start().await];
    let toml = [
        toml::LISTEN,
        "limits = { head_timeout = \"1s\", idle_timeout = \"1s\" }\n",
        &toml::upstream("service", services[0].address()),
        &format!("timeouts = {{ idle = \"{idle}\" }}\n"),
        &toml::upstream("mirror", services[1].address()),
        &toml::route("all", toml::ALL),
        "mirror = { upstream = \"mirror\", methods = [\"GET\", \"POST\"] }\n",
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    (services, gateway)
}

#[tokio::test]
async fn over_http1_a_request_is_one_or_none() {
    let cases = cases::http1();
    assert!(cases.len() > 150, "{}", cases.len());
    let (recorder, mirrored) = (Recorder::default(), Recorder::default());
    let (_services, gateway) = gateway(&recorder, &mirrored, "1s").await;
    let address = gateway.address("public");
    let replies = stream::iter(&cases).map(|case| send(address, case));
    let replies: Vec<_> = replies.buffered(AT_ONCE).collect().await;
    gateway.at_rest().await;
    // Its connections to the service end with it, and what came on them has come.
    assert!(gateway.stop().await.success());
    let (recorded, copies) = (recorder.all(), mirrored.all());
    let wrong: Vec<_> = cases
        .iter()
        .zip(&replies)
        .filter_map(|(case, reply)| {
            let seen = Seen::of(case.number, &recorded);
            let copy = Seen::of(case.number, &copies).copied(&seen, case.expected);
            let judged = seen.harmless().and_then(|()| seen.expected(case.expected));
            let why = judged.and(copy).err()?;
            Some(format!("{}: {why}\n{}  reply: {reply:?}\n", case.name, seen.shown()))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.concat());
    nothing_else(&recorded);
    nothing_else(&copies);
}

#[tokio::test]
async fn over_http2_a_request_is_one_or_none() {
    over_http2(Pace::AtOnce).await;
}

/// Nothing that makes a request whole may go on before its last frame has shown that it is good.
#[tokio::test]
async fn over_http2_a_request_that_comes_in_pieces_is_one_or_none() {
    over_http2(Pace::FrameByFrame).await;
}

async fn over_http2(pace: Pace) {
    let cases = cases::http2();
    assert!(cases.len() > 50, "{}", cases.len());
    let (recorder, mirrored) = (Recorder::default(), Recorder::default());
    // Between frames there is time; none of these cases is about a client that stops.
    let (_services, gateway) = gateway(&recorder, &mirrored, "10s").await;
    let address = gateway.address("public");
    let outcomes = stream::iter(&cases).map(|case| send_fields(address, &case.message, pace));
    let outcomes: Vec<_> = outcomes.buffered(AT_ONCE).collect().await;
    gateway.at_rest().await;
    assert!(gateway.stop().await.success());
    let (recorded, copies) = (recorder.all(), mirrored.all());
    let wrong: Vec<_> = cases
        .iter()
        .zip(&outcomes)
        .filter_map(|(case, outcome)| {
            let seen = Seen::of(case.number, &recorded);
            let answered = *outcome == Outcome::Answered(200);
            let told = match case.expected {
                Expected::GoesOn if !answered => Err("it is not answered with 200"),
                Expected::Refused if answered => Err("it is answered with 200"),
                _ => Ok(()),
            };
            let copy = Seen::of(case.number, &copies).copied(&seen, case.expected);
            let judged = seen.harmless().and_then(|()| seen.expected(case.expected));
            let why = judged.and(copy).and(told).err()?;
            Some(format!("{}: {why}\n{}  outcome: {outcome:?}\n", case.name, seen.shown()))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.concat());
    nothing_else(&recorded);
    nothing_else(&copies);
}

/// Sends a case and one more request behind it; gives what comes back until the gateway closes.
async fn send(address: SocketAddr, case: &Case<Vec<u8>>) -> String {
    let mut raw = Raw::connect(address).await;
    let number = case.number;
    let next = format!("GET /next-{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    raw.write([&case.message, next.as_bytes()].concat()).await;
    raw.read_to_close().await
}

/// How the frames of a case are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    AtOnce,
    /// Each when the one before it has been read.
    FrameByFrame,
}

/// Sends a case on a connection of its own.
async fn send_fields(address: SocketAddr, fields: &Fields, pace: Pace) -> Outcome {
    let mut raw = H2Raw::connect(address).await;
    match pace {
        Pace::AtOnce => drop(raw.send(frames(fields).concat()).await),
        Pace::FrameByFrame => {
            for frame in frames(fields) {
                raw.send(frame).await;
                // Twice: what was read is taken up before the next is.
                raw.is_read().await;
                raw.is_read().await;
            }
        }
    }
    // Whoever is refused may be so without a word, on a connection that stays open.
    let outcome = tokio::time::timeout(Duration::from_secs(10), raw.outcome(1)).await;
    outcome.unwrap_or(Outcome::Closed)
}

fn frames(fields: &Fields) -> Vec<Vec<u8>> {
    let ends = |last: bool| if last && fields.reset.is_none() { END_STREAM } else { NONE };
    let (data, trailers) = (&fields.data, &fields.trailers);
    let flags = END_HEADERS | ends(data.is_empty() && trailers.is_empty());
    let mut frames = vec![frame(kind::HEADERS, flags, 1, &h2raw::block(&fields.head))];
    for (at, bytes) in data.iter().enumerate() {
        let last = at + 1 == data.len() && trailers.is_empty();
        frames.push(frame(kind::DATA, ends(last), 1, bytes));
    }
    if !trailers.is_empty() {
        frames.push(frame(kind::HEADERS, h2raw::WHOLE, 1, &h2raw::block(trailers)));
    }
    frames.extend(fields.reset.map(|code| h2raw::reset(1, code)));
    frames
}

/// What the service has seen of a case.
struct Seen<'a> {
    number: usize,
    messages: Vec<&'a Recorded>,
}

impl<'a> Seen<'a> {
    fn of(number: usize, recorded: &'a [Recorded]) -> Self {
        let messages = recorded.iter().filter(|one| number_of(one) == Some(number)).collect();
        Self { number, messages }
    }

    /// It is what the RFCs call a message, or was broken off, and it is no second one.
    fn harmless(&self) -> Result<(), &'static str> {
        let is_invalid = |one: &&&Recorded| one.wrong.is_some_and(|why| why != CUT);
        if self.messages.iter().any(|one| is_invalid(&one)) {
            return Err("an invalid message goes on");
        }
        if self.count("smuggled") > 0 {
            return Err("a part of it goes on as a request");
        }
        if self.count("case") > 1 {
            return Err("it goes on twice");
        }
        Ok(())
    }

    fn expected(&self, expected: Expected) -> Result<(), &'static str> {
        match expected {
            Expected::GoesOn if self.count("case") == 0 => Err("it does not go on"),
            Expected::Refused | Expected::Closed if self.count("case") > 0 => Err("it goes on"),
            Expected::Closed if self.count("next") > 0 => Err("what follows it is served"),
            _ => Ok(()),
        }
    }

    /// As a mirror is to see it: what goes on whole is copied whole, if its method is one that is.
    fn copied(&self, original: &Self, expected: Expected) -> Result<(), &'static str> {
        self.harmless().map_err(|_| "its copy does harm")?;
        match (expected, self.count("case")) {
            (Expected::GoesOn, 0) if original.is_to_be_copied() => Err("it is not copied"),
            (Expected::Refused | Expected::Closed, 1..) => Err("it is copied"),
            _ => Ok(()),
        }
    }

    fn is_to_be_copied(&self) -> bool {
        let whole = self.messages.iter().filter(|one| one.wrong.is_none());
        let is_one = |method: &str| {
            let begins = format!("{method} /case-{}", self.number);
            whole.clone().any(|one| one.bytes.starts_with(begins.as_bytes()))
        };
        is_one("GET") || is_one("POST")
    }

    /// Whole messages to this target.
    fn count(&self, target: &str) -> usize {
        let target = format!(" /{target}-{}", self.number);
        let whole = self.messages.iter().filter(|one| one.wrong.is_none());
        let line = |one: &&&Recorded| {
            let end = one.bytes.iter().position(|byte| *byte == b'\r').unwrap_or(0);
            String::from_utf8_lossy(&one.bytes[..end]).contains(&target)
        };
        whole.filter(line).count()
    }

    fn shown(&self) -> String {
        let show = |one: &&Recorded| {
            format!("  went on ({:?}): {}\n", one.wrong, one.bytes.escape_ascii())
        };
        self.messages.iter().map(show).collect()
    }
}

/// What the strict reader says of a message that the gateway broke off.
const CUT: &str = "it ends in the middle";

/// The case that a message is of: each of its targets ends with the number.
fn number_of(recorded: &Recorded) -> Option<usize> {
    let text = String::from_utf8_lossy(&recorded.bytes);
    let places = ["/case-", "/next-", "/smuggled-"].iter().filter_map(|name| {
        let at = text.find(name)?;
        let digits: String =
            text[at + name.len()..].chars().take_while(char::is_ascii_digit).collect();
        Some((at, digits.parse().ok()?))
    });
    places.min().map(|(_, number)| number)
}

/// No message is of no case.
#[track_caller]
fn nothing_else(recorded: &[Recorded]) {
    let strays: Vec<_> = recorded.iter().filter(|one| number_of(one).is_none()).collect();
    assert!(strays.is_empty(), "{strays:#?}");
}
