//! Messages that two servers could read in two ways: the cases of http_desync_guardian, byte by
//! byte to a gateway in front of a [strict](torana_tests::strict) service.
//!
//! What counts: no message goes on that is not well-formed, no body becomes a request, and what the
//! list calls `Compliant` goes on. Besides, the list would have refused whatever is `Severe`, and
//! connections closed after what is `Ambiguous`, even where the gateway makes one clear message of
//! it; how often that is so is counted, too.

use std::{net::SocketAddr, time::Duration};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use torana_tests::{
    Gateway,
    strict::{Read, Recorded, Recorder, read},
    toml,
};

use crate::suite::{Score, cases, package, text};

/// Cases under way at once.
const AT_ONCE: usize = 16;
/// How long a case may take. One that takes so long waits for bytes that nobody announced.
const PATIENCE: Duration = Duration::from_secs(10);
/// A request in the body of a case: it must never be one.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n";
/// A request that follows the case on its connection: it is answered if that is kept open.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";

/// Compliant cases that are refused: codings beside `chunked`, which nobody here undoes (RFC 9112, 6.1
/// lets us), `chunked` with parameters, which it does not have (7.1), a request line without a target
/// (3), a target that is not ASCII (RFC 3986, 2), and one with a fragment, which no request has (RFC
/// 9112, 3.2): who takes it off routes by another target than who does not (CVE-2023-45539).
const REFUSED: [&str; 10] = [
    "more-compliant-tests.yaml: Correct TE OK",
    "more-compliant-tests.yaml: Transfer-Encoding: identity and chunked OK",
    "more-compliant-tests.yaml: Multiple transfer encoding headers in a single request OK",
    "more-compliant-tests.yaml: TE with custom parameters OK",
    "rfc-compliant.yaml: Different Transfer-Encoding headers",
    "rfc-compliant.yaml: Different Transfer-Encoding headers combined",
    "rfc-compliant.yaml: Transfer-Encoding with a param: chunked;custom_param",
    "rfc-compliant.yaml: Compliant URL",
    "rfc-compliant.yaml: Empty URI",
    "rfc-compliant.yaml: International in URI",
];

#[tokio::test]
async fn no_message_goes_on_that_could_be_misread() {
    let packages = [package("http_desync_guardian-0.1.3"), package("js-yaml-4.1.0")];
    let cases = cases("desync.mjs", &[&packages[0], &packages[1]]);
    let recorder = Recorder::default();
    let service = recorder.start().await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let address = gateway.address("public");
    let messages: Vec<_> =
        cases.iter().enumerate().map(|(number, case)| sent(number, case)).collect();
    let replies = stream::iter(messages.iter()).map(|bytes| send(address, bytes));
    let replies: Vec<_> = replies.buffered(AT_ONCE).collect().await;
    // Its connections to the service end with it, and what came on them has come.
    assert!(gateway.stop().await.success());

    let recorded = recorder.all();
    let mut score = Score::of("HTTP/1 desync");
    let mut as_listed = Score::of("HTTP/1 desync, as listed");
    let mut failed = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let outcome = Outcome {
            tier: text(case, "tier"),
            sent: &messages[number],
            reply: &replies[number],
            forwarded: recorded.iter().filter(|one| number_of(one) == Some(number)).collect(),
        };
        let name = text(case, "name");
        let told = |why| format!("{why}\n{}", outcome.shown());
        let judged = outcome.harmless().and_then(|()| outcome.compliant());
        if judged.is_err() {
            failed.push(name);
        }
        as_listed.count(name, judged.and_then(|()| outcome.as_listed()).map_err(told));
        score.count(name, judged.map_err(told));
    }
    as_listed.expect(158, 136, "others are made one clear message, or are legal");
    score.expect(
        158,
        148,
        "refused: 7 codings, UTF-8, no target, a fragment (nginx, Caddy 141; haproxy 126)",
    );
    let strays: Vec<_> = recorded.iter().filter(|one| number_of(one).is_none()).collect();
    assert!(strays.is_empty(), "parts of cases went on as messages: {strays:#?}");
    assert!(failed.iter().all(|name| REFUSED.contains(name)), "{failed:#?}");
}

/// A case as bytes: its message, a body as long as it says, and one more request.
fn sent(number: usize, case: &Value) -> Vec<u8> {
    let (method, uri, version) = (text(case, "method"), text(case, "uri"), text(case, "version"));
    let pairs = case["headers"].as_array().expect("a list").iter();
    let headers: Vec<_> =
        pairs.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect();
    let mark = format!("X-Case: {number}\r\n");
    let mut message = format!("{method} {uri} {version}").trim_end_matches(' ').to_owned();
    if version.ends_with(' ') {
        message.push(' ');
    }
    message += "\r\n";
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        message += "Host: a\r\n";
    }
    message += &mark;
    for (name, value) in &headers {
        message += &format!("{name}: {value}\r\n");
    }
    message += "\r\n";
    message += &body(&headers, text(case, "tier"), &mark);
    (message + NEXT + &mark + "\r\n").into_bytes()
}

/// A body for those who read it as chunked (it is empty), and for those who go by its length.
fn body(headers: &[(&str, &str)], tier: &str, mark: &str) -> String {
    let is_strict = matches!(tier, "Compliant" | "Acceptable");
    let named = |wanted: &str| {
        let is_named = |name: &str| {
            let name = name.to_ascii_lowercase();
            if is_strict { name == wanted } else { letters(&name).contains(&letters(wanted)) }
        };
        let named = headers.iter().filter(|(name, _)| is_named(name));
        named.map(|(_, value)| *value).collect::<Vec<_>>()
    };
    let mut body = String::new();
    if !named("transfer-encoding").is_empty() {
        body += "0\r\n\r\n";
    }
    let lengths = named("content-length");
    let lengths = lengths.iter().filter_map(|value| digits(value).parse::<usize>().ok());
    let length = lengths.filter(|length| *length < 10_000_000).max().unwrap_or(0);
    while body.len() < length {
        body += &format!("{SMUGGLED}{mark}\r\n");
    }
    if length > 0 {
        body.truncate(length.max(5));
    }
    body
}

fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).collect()
}

fn digits(text: &str) -> String {
    text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect()
}

/// All that comes back until the gateway closes; `None` if it does not.
async fn send(address: SocketAddr, bytes: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.expect("connecting");
    let (mut reader, mut writer) = stream.split();
    let mut reply = Vec::new();
    // It may close before it has read all, having seen enough.
    let both = futures_util::future::join(writer.write_all(bytes), reader.read_to_end(&mut reply));
    // Either may end in a reset, for the same reason: so errors are no news.
    let (_, _) = timeout(PATIENCE, both).await.ok()?;
    Some(String::from_utf8_lossy(&reply).into_owned())
}

/// What became of a case.
struct Outcome<'a> {
    tier: &'a str,
    sent: &'a [u8],
    reply: &'a Option<String>,
    forwarded: Vec<&'a Recorded>,
}

impl Outcome<'_> {
    /// What goes on can be read in one way.
    fn harmless(&self) -> Result<(), &'static str> {
        if self.reply.is_none() {
            return Err("the gateway neither answers nor closes");
        }
        if self.forwarded.iter().any(|one| one.wrong.is_some()) {
            return Err("an invalid message goes on");
        }
        if self.has_body() && self.has_gone_on("/smuggled") {
            return Err("its body goes on as a request");
        }
        Ok(())
    }

    /// What is in order goes on.
    fn compliant(&self) -> Result<(), &'static str> {
        let is_refused = self.tier == "Compliant" && !self.goes_on();
        if is_refused { Err("a compliant message is refused") } else { Ok(()) }
    }

    /// What the list wants besides.
    fn as_listed(&self) -> Result<(), &'static str> {
        match self.tier {
            "Severe" if self.goes_on() => Err("a severe case goes on"),
            "Ambiguous" if self.goes_on() && self.stays_open() => {
                Err("an ambiguous case goes on, and the connection is kept")
            }
            _ => Ok(()),
        }
    }

    fn goes_on(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| reply.starts_with("HTTP/1.1 200"))
    }

    /// Whether there is a second answer on the connection, be it a refusal.
    fn stays_open(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| reply.matches("HTTP/1.1 ").count() > 1)
    }

    /// Whether there is a body to somebody who reads by the letter: fields by other names, such as
    /// `Content_Length`, say nothing, and what follows is one more request.
    fn has_body(&self) -> bool {
        let end = self.sent.windows(4).position(|four| four == b"\r\n\r\n");
        end.is_some_and(|end| read(self.sent) != Read::Message(end + 4))
    }

    fn has_gone_on(&self, target: &str) -> bool {
        let begins = |one: &&Recorded| one.bytes.starts_with(format!("GET {target} ").as_bytes());
        self.forwarded.iter().any(begins)
    }

    /// The bytes on all sides.
    fn shown(&self) -> String {
        let cut = |bytes: &[u8]| bytes[..bytes.len().min(700)].escape_ascii().to_string();
        let mut text = format!("  sent: {}\n", cut(self.sent));
        for one in &self.forwarded {
            text += &format!("  went on ({:?}): {}\n", one.wrong, cut(&one.bytes));
        }
        text + &format!("  reply: {:?}", self.reply.as_ref().map(|reply| cut(reply.as_bytes())))
    }
}

/// The number that the case's own mark has.
fn number_of(recorded: &Recorded) -> Option<usize> {
    let text = String::from_utf8_lossy(&recorded.bytes).to_ascii_lowercase();
    let (_, rest) = text.split_once("x-case: ")?;
    digits(rest).parse().ok()
}
