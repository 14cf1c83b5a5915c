//! A service that reads HTTP/1.1 by the letter (RFC 9112, RFC 9110, RFC 3986), and remembers all
//! that it was sent: where two servers could read a message in two ways, it says what is wrong.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{RawBackend, RawConnection};
use tokio::io::AsyncReadExt as _;

/// What arrived, one message after the other.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Recorded>>>);

/// A message, or bytes that are none.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// All of it, as it came.
    pub bytes: Vec<u8>,
    /// What is wrong with it.
    pub wrong: Option<&'static str>,
}

/// What a reader made of the bytes that it has.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// A message of this length.
    Message(usize),
    /// There must be more.
    Partial,
    /// No message, whatever comes.
    Invalid(&'static str),
}

impl Recorder {
    /// The service. It answers every message, and breaks off after what is none.
    pub async fn start(&self) -> RawBackend {
        let recorder = self.clone();
        RawBackend::start(move |connection| recorder.clone().serve(connection)).await
    }

    /// What has arrived so far.
    pub fn all(&self) -> Vec<Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn serve(self, mut connection: RawConnection) {
        let mut bytes = Vec::new();
        loop {
            match read(&bytes) {
                Read::Message(length) => {
                    let is_head_asked = bytes.starts_with(b"HEAD ");
                    self.keep(bytes.drain(..length).collect(), None);
                    let body = if is_head_asked { "" } else { "ok" };
                    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{body}");
                    connection.write(reply).await;
                }
                Read::Invalid(why) => return self.keep(bytes, Some(why)),
                Read::Partial => {
                    let read = connection.stream.read_buf(&mut bytes).await;
                    if !read.is_ok_and(|count| count > 0) {
                        break;
                    }
                }
            }
        }
        if !bytes.is_empty() {
            self.keep(bytes, Some("it ends in the middle"));
        }
    }

    fn keep(&self, bytes: Vec<u8>, wrong: Option<&'static str>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Recorded { bytes, wrong });
    }
}

/// Reads the message that begins here.
pub fn read(bytes: &[u8]) -> Read {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        // No head is that long here; what has no end in it is none.
        return if bytes.len() > 65_536 {
            Read::Invalid("no end of the head")
        } else {
            Read::Partial
        };
    };
    let (head, body) = (&bytes[..end], &bytes[end + 4..]);
    match framing(head) {
        Err(why) => Read::Invalid(why),
        Ok(Framing::Length(length)) if (body.len() as u64) < length => Read::Partial,
        Ok(Framing::Length(length)) => Read::Message(end + 4 + length as usize),
        Ok(Framing::Chunked) => match chunked(body) {
            Read::Message(length) => Read::Message(end + 4 + length),
            other => other,
        },
    }
}

enum Framing {
    Length(u64),
    Chunked,
}

/// Reads a head, without the empty line at its end.
fn framing(head: &[u8]) -> Result<Framing, &'static str> {
    let mut lines = lines(head)?.into_iter();
    request_line(lines.next().unwrap_or_default())?;
    let (mut length, mut coding, mut hosts) = (None, None, 0);
    for line in lines {
        let (name, value) = field(line)?;
        match name.to_ascii_lowercase().as_slice() {
            b"host" => hosts += 1,
            b"content-length" if length.replace(decimal(value)?).is_some() => {
                return Err("two Content-Length fields");
            }
            b"transfer-encoding" if coding.replace(value).is_some() => {
                return Err("two Transfer-Encoding fields");
            }
            _ => {}
        }
    }
    if hosts != 1 {
        return Err("not one Host field");
    }
    match (length, coding) {
        (Some(_), Some(_)) => Err("both Content-Length and Transfer-Encoding"),
        (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        (None, Some(_)) => Err("a Transfer-Encoding other than chunked"),
        (length, None) => Ok(Framing::Length(length.unwrap_or(0))),
    }
}

/// Splits at CRLF, and refuses CR and LF by themselves.
fn lines(head: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    let (mut lines, mut rest) = (Vec::new(), head);
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    let is_broken = |line: &&[u8]| line.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
    if lines.iter().any(is_broken) { Err("CR or LF alone") } else { Ok(lines) }
}

fn request_line(line: &[u8]) -> Result<(), &'static str> {
    let parts: Vec<_> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = parts.as_slice() else { return Err("not three parts") };
    if !is_token(method) {
        return Err("the method is no token");
    }
    // The gateway sends the origin form alone (RFC 9112, 3.2.1).
    if !target.starts_with(b"/") || !target.iter().all(|byte| is_in_target(*byte)) {
        return Err("not the target of a request");
    }
    if *version == b"HTTP/1.1" { Ok(()) } else { Err("not HTTP/1.1") }
}

/// RFC 3986: unreserved, sub-delims, `:@/?`, and `%`. Besides, what every browser sends as it is
/// and no server cuts at (WHATWG URL, the query's percent-encode set, and that of paths).
fn is_in_target(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%[]|^`{}\\".contains(&byte)
}

fn field(line: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or("a field without a colon")?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return Err("the name of a field is no token");
    }
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err("a control character in a field");
    }
    Ok((name, value.trim_ascii()))
}

fn is_token(text: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_tchar)
}

fn decimal(text: &[u8]) -> Result<u64, &'static str> {
    let is_decimal = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.filter(|_| is_decimal).ok_or("Content-Length is no number")
}

/// The length of a chunked body without extensions.
fn chunked(body: &[u8]) -> Read {
    let mut at = 0;
    loop {
        let Some(end) = body[at..].windows(2).position(|two| two == b"\r\n") else {
            return Read::Partial;
        };
        let size = std::str::from_utf8(&body[at..at + end]).ok();
        let size = size.filter(|size| size.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(size) = size.and_then(|size| u32::from_str_radix(size, 16).ok()) else {
            return Read::Invalid("the size of a chunk is no number");
        };
        at += end + 2 + size as usize;
        match body.get(at..at + 2) {
            None => return Read::Partial,
            Some(b"\r\n") if size == 0 => return Read::Message(at + 2),
            Some(b"\r\n") => at += 2,
            Some(_) if size == 0 => return Read::Invalid("a trailer field"),
            Some(_) => return Read::Invalid("no CRLF after a chunk"),
        }
    }
}

#[test]
fn good_messages_are_read_to_their_end() {
    for (message, rest) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET"),
        ("POST /a?b=%20 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "d"),
        (
            "POST / HTTP/1.1\r\nhost:a\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
            "0",
        ),
    ] {
        assert_eq!(read(format!("{message}{rest}").as_bytes()), Read::Message(message.len()));
        for end in 0..message.len() {
            assert_eq!(read(&message.as_bytes()[..end]), Read::Partial, "{message:?} up to {end}");
        }
    }
}

#[test]
fn whatever_could_be_read_in_two_ways_is_named() {
    for (head, why) in [
        ("GET / HTTP/1.0\r\nHost: a", "not HTTP/1.1"),
        ("GET /a b HTTP/1.1\r\nHost: a", "not three parts"),
        ("GET /a#b HTTP/1.1\r\nHost: a", "not the target of a request"),
        ("GET / HTTP/1.1", "not one Host field"),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: b", "not one Host field"),
        ("GET / HTTP/1.1\r\nHost: a\r\nB : c", "the name of a field is no token"),
        ("GET / HTTP/1.1\r\nHost: a\r\n b", "a field without a colon"),
        ("GET / HTTP/1.1\r\nHost: a\nB: c", "CR or LF alone"),
        ("GET / HTTP/1.1\r\nHost: a\x01", "a control character in a field"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1", "Content-Length is no number"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1",
            "two Content-Length fields",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
            "both Content-Length and Transfer-Encoding",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked",
            "a Transfer-Encoding other than chunked",
        ),
    ] {
        assert_eq!(read(format!("{head}\r\n\r\n").as_bytes()), Read::Invalid(why), "{head:?}");
    }
}
