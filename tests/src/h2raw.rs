//! HTTP/2 made of frames (RFC 9113): a client for what no library would send.

use std::{collections::VecDeque, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::within;

/// Types of frames (RFC 9113, 6).
pub mod kind {
    #![allow(missing_docs, reason = "the names of the RFC")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// No flag.
pub const NONE: u8 = 0;
/// The sender's last frame of the stream. Of SETTINGS and PING: an acknowledgement.
pub const END_STREAM: u8 = 1;
/// The last frame of a header block.
pub const END_HEADERS: u8 = 4;
/// HEADERS that are a whole request without a body.
pub const WHOLE: u8 = END_STREAM | END_HEADERS;

/// RFC 9113, 7.
pub const PROTOCOL_ERROR: u32 = 1;
/// RFC 9113, 7.
pub const FLOW_CONTROL_ERROR: u32 = 3;
/// RFC 9113, 7.
pub const CANCEL: u32 = 8;

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// One of [`kind`].
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream, 0 for the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// A frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame");
    let mut bytes = Vec::with_capacity(9 + payload.len());
    bytes.extend_from_slice(&length.to_be_bytes()[1..]);
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// HEADERS with these fields, literally.
pub fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, flags, stream, &block(fields))
}

/// `GET /` as HEADERS.
pub fn get(stream: u32) -> Vec<u8> {
    headers(stream, WHOLE, &request("GET", "/"))
}

/// RST_STREAM.
pub fn reset(stream: u32, why: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, NONE, stream, &why.to_be_bytes())
}

/// The pseudo-header fields of a request.
pub fn request<'a>(method: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
    [(":method", method), (":scheme", "http"), (":authority", "a.example"), (":path", path)]
}

/// A header block: literal fields without indexing, not compressed (RFC 7541, 6.2.2).
pub fn block<T: AsRef<[u8]>>(fields: &[(T, T)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        string(&mut bytes, name.as_ref());
        string(&mut bytes, value.as_ref());
    }
    bytes
}

/// A literal field that goes into the dynamic table (RFC 7541, 6.2.1), where it is number 62.
pub fn indexed(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0x40];
    string(&mut bytes, name.as_bytes());
    string(&mut bytes, value.as_bytes());
    bytes
}

/// RFC 7541, 5.1 and 5.2.
fn string(bytes: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        short @ 0..127 => bytes.push(short as u8),
        long => {
            bytes.push(127);
            let mut rest = long - 127;
            while rest >= 128 {
                bytes.push((rest % 128) as u8 | 0x80);
                rest /= 128;
            }
            bytes.push(rest as u8);
        }
    }
    bytes.extend_from_slice(text);
}

/// A connection to the gateway, whose preface has been sent (by prior knowledge).
pub struct H2Raw {
    stream: TcpStream,
    read: Vec<u8>,
    /// Frames that were read before somebody asked for them.
    early: VecDeque<Frame>,
}

impl H2Raw {
    /// Opens it, with settings that say nothing.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await;
        let stream = stream.expect("connecting");
        let mut raw = Self { stream, read: Vec::new(), early: VecDeque::new() };
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        raw.send(frame(kind::SETTINGS, NONE, 0, &[])).await;
        raw
    }

    /// Sends bytes; false if the gateway has closed.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within("the gateway to read", self.stream.write_all(bytes.as_ref())).await.is_ok()
    }

    /// Waits until the gateway has read what was sent, or has closed.
    pub async fn is_read(&mut self) {
        self.send(frame(kind::PING, NONE, 0, &[0; 8])).await;
        while let Some(frame) = self.receive().await {
            if frame.kind == kind::PING && frame.flags == END_STREAM {
                return;
            }
            self.early.push_back(frame);
        }
    }

    /// The next frame; none if the gateway has closed.
    pub async fn next(&mut self) -> Option<Frame> {
        match self.early.pop_front() {
            Some(frame) => Some(frame),
            None => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            let read = within("frames from the gateway", self.stream.read_buf(&mut self.read));
            if !read.await.is_ok_and(|count| count > 0) {
                return None;
            }
        }
    }

    /// The first frame that is `wanted`, or none. Those before it are dropped.
    pub async fn find(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// What becomes of a stream.
    pub async fn outcome(&mut self, stream: u32) -> Outcome {
        loop {
            match self.next().await {
                None => return Outcome::Closed,
                Some(frame) if frame.kind == kind::GOAWAY => match code(&frame.payload[4..]) {
                    // Shutting down in good order, which says nothing of the stream.
                    0 => {}
                    why => return Outcome::GoneAway(why),
                },
                Some(frame) if frame.stream != stream => {}
                Some(frame) if frame.kind == kind::RST_STREAM => {
                    return Outcome::Reset(code(&frame.payload));
                }
                Some(frame) if frame.kind == kind::HEADERS => {
                    return Outcome::Answered(status(&frame.payload));
                }
                Some(_) => {}
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let head: [u8; 9] = self.read.get(..9)?.try_into().ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let payload = self.read.get(9..9 + length)?.to_vec();
        self.read.drain(..9 + length);
        let stream = code(&head[5..]) & 0x7fff_ffff;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There is an answer with this status.
    Answered(u16),
    /// RST_STREAM, with this code.
    Reset(u32),
    /// GOAWAY, with this code.
    GoneAway(u32),
    /// The connection was closed without a word.
    Closed,
}

fn code(bytes: &[u8]) -> u32 {
    bytes[..4].try_into().map(u32::from_be_bytes).expect("four bytes")
}

/// The status that begins a header block. Those of the static table are one byte (RFC 7541, A); for
/// others the value's three digits are compressed, or not.
fn status(block: &[u8]) -> u16 {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [index @ 0x88..=0x8e, ..] => INDEXED[usize::from(index - 0x88)],
        // A name from the static table, then the value.
        [name, length, value @ ..] if name & 0x0f == 8 => match (length & 0x80, value) {
            (0, digits) => {
                digits[..3].iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))
            }
            (_, value) => huffman_digits(value, usize::from(length & 0x7f)),
        },
        _ => panic!("no status first: {block:x?}"),
    }
}

/// Three digits in RFC 7541's code, where `0`, `1` and `2` have five bits, and the others six.
fn huffman_digits(bytes: &[u8], length: usize) -> u16 {
    let bits = bytes[..length].iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    let mut bits = bits << (32 - 8 * length);
    let mut number = 0;
    for _ in 0..3 {
        let (digit, length) = match bits >> 27 {
            short @ 0..=2 => (short, 5),
            _ => ((bits >> 26) - 0x19 + 3, 6),
        };
        number = number * 10 + digit as u16;
        bits <<= length;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_the_rfc_draws_them() {
        assert_eq!(frame(kind::PING, END_STREAM, 0, &[7; 8])[..9], [0, 0, 8, 6, 1, 0, 0, 0, 0]);
        assert_eq!(reset(5, CANCEL), [0, 0, 4, 3, 0, 0, 0, 0, 5, 0, 0, 0, 8]);
        assert_eq!(block(&[("a", "bc")]), [0, 1, b'a', 2, b'b', b'c']);
        let long = block(&[("a", &"x".repeat(1337))]);
        // RFC 7541, C.1.2 has 1337 with a prefix of five bits; this one has seven.
        assert_eq!(long[..6], [0, 1, b'a', 127, 0xba, 9]);
    }

    #[test]
    fn statuses_are_read() {
        assert_eq!(status(&[0x88]), 200);
        assert_eq!(status(&[0x48, 3, b'4', b'3', b'1']), 431);
        // RFC 7541, C.6.1 and C.6.3: 302 and 307.
        assert_eq!(status(&[0x48, 0x82, 0x64, 0x02]), 302);
        assert_eq!(status(&[0x48, 0x83, 0x64, 0x0e, 0xff]), 307);
    }
}
