//! The head of a response, and how its body is delimited (RFC 9112, 4 to 6).

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use hyper::ext::ReasonPhrase;

use crate::{
    fields::has_member,
    heads::ResponseHead,
    http1::{Fault, Inbox, Length, MOST_FIELDS, digits, ends_in_chunks, fields_of},
};

/// The longest head, in bytes.
pub(super) const LONGEST: usize = 256 << 10;

/// What is longer than a status line and some fields, and has no end yet, is let come.
const LINE: usize = 4 << 10;

/// How the body of a response is delimited (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are left of it.
    Length(u64),
    Chunked,
    /// By the end of the connection.
    Close,
}

/// A head, and what it says of body and connection.
pub(super) struct Head {
    pub(super) parts: ResponseHead,
    pub(super) framing: Framing,
    /// The connection ends with this exchange.
    pub(super) closes: bool,
}

/// Takes the head of a final response off what was read, once all of it is there; interim ones before it
/// are passed over (RFC 9110, 15.2).
pub(super) fn take(inbox: &mut Inbox, method: &Method) -> Result<Option<Head>, Fault> {
    while let Some(head) = inbox.take_head() {
        let (parts, said) = parse(&head)?;
        if parts.status.is_informational() && parts.status != StatusCode::SWITCHING_PROTOCOLS {
            continue;
        }
        let is_last = said.closes(parts.version);
        let framing = said.framing(&parts, method)?;
        let closes = framing == Framing::Close || is_last;
        return Ok(Some(Head { parts, framing, closes }));
    }
    check_part(inbox.bytes()).map(|()| None)
}

/// What cannot become a head is an error as soon as that can be told.
fn check_part(read: &[u8]) -> Result<(), Fault> {
    if read.len() > LONGEST {
        return Err(Fault::TooLarge);
    }
    // A second look at each byte, and so only while there are few.
    if (1..=LINE).contains(&read.len()) {
        let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
        parse_into(&mut httparse::Response::new(&mut []), read, &mut fields)?;
    }
    Ok(())
}

fn parse(head: &Bytes) -> Result<(ResponseHead, Said), Fault> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    // What we take for its end is what the parser takes for it.
    if parse_into(&mut parsed, head, &mut fields)? != httparse::Status::Complete(head.len()) {
        return Err(Fault::Malformed(httparse::Error::NewLine));
    }
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Fault::Malformed(httparse::Error::Status))?;
    let mut parts = ResponseHead { version, status, ..ResponseHead::default() };
    let mut said = Said::default();
    parts.headers = fields_of(head, parsed.headers, 0, |name, value| said.note(name, value))?;
    if let Some(reason) = parsed.reason
        && parts.status.canonical_reason() != Some(reason)
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        parts.extensions.insert(reason);
    }
    Ok((parts, said))
}

fn parse_into<'h, 'b>(
    parsed: &mut httparse::Response<'h, 'b>,
    head: &'b [u8],
    fields: &'h mut [MaybeUninit<httparse::Header<'b>>],
) -> Result<httparse::Status<usize>, Fault> {
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(parsed, head, fields) {
        Ok(status) => Ok(status),
        Err(httparse::Error::TooManyHeaders) => Err(Fault::TooLarge),
        Err(why) => Err(Fault::Malformed(why)),
    }
}

/// What a head says of its body and of the connection, noted while its fields are read.
#[derive(Default)]
struct Said {
    /// Whether the last coding of `Transfer-Encoding` is `chunked`.
    chunked: Option<bool>,
    length: Length,
    close: bool,
    keep_alive: bool,
}

impl Said {
    /// Takes note of a field. Says whether it goes on with the head: `Connection: keep-alive`, which many
    /// services send each time, is for us alone and was looked up and removed later for each response.
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> bool {
        match *name {
            header::TRANSFER_ENCODING => self.chunked = Some(ends_in_chunks(value)),
            header::CONTENT_LENGTH => self.length.add(content_length(value)),
            header::CONNECTION if value == "keep-alive" => {
                self.keep_alive = true;
                return false;
            }
            header::CONNECTION => {
                self.close |= has_member(value, "close");
                self.keep_alive |= has_member(value, "keep-alive");
            }
            _ => {}
        }
        true
    }

    fn framing(self, parts: &ResponseHead, method: &Method) -> Result<Framing, Fault> {
        let has_none = parts.status == StatusCode::SWITCHING_PROTOCOLS
            || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || *method == Method::HEAD;
        if has_none {
            return Ok(Framing::Length(0));
        }
        match self.chunked {
            None => Ok(self.length.get()?.map_or(Framing::Close, Framing::Length)),
            // RFC 9112, 6.1: whoever speaks 1.0 and frames so is not to be understood.
            Some(_) if parts.version == Version::HTTP_10 => Err(Fault::Framing),
            Some(true) => Ok(Framing::Chunked),
            Some(false) => Ok(Framing::Close),
        }
    }

    /// RFC 9112, 9.3.
    fn closes(&self, version: Version) -> bool {
        self.close || (version == Version::HTTP_10 && !self.keep_alive)
    }
}

fn content_length(value: &HeaderValue) -> Option<u64> {
    let mut numbers =
        value.as_bytes().split(|byte| *byte == b',').map(|one| digits(one.trim_ascii()));
    let first = numbers.next()??;
    numbers.all(|other| other == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    fn taken(text: &str, method: &Method) -> Result<Option<Head>, Fault> {
        take(&mut Inbox::new(BytesMut::from(text), 0), method)
    }

    fn framing_of(fields: &str) -> Option<Framing> {
        let head = taken(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), &Method::GET);
        head.ok().map(|head| head.unwrap().framing)
    }

    #[test]
    fn a_head_is_taken_when_all_of_it_is_there_and_interim_ones_are_passed_over() {
        let all = "\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n\
                   HTTP/1.1 299 Odd\r\nx-a:  b \r\nX-A: c\r\n\r\nbody";
        let mut inbox = Inbox::default();
        let mut heads = Vec::new();
        for byte in all.as_bytes() {
            inbox.bytes().extend_from_slice(&[*byte]);
            if heads.is_empty() {
                heads.extend(take(&mut inbox, &Method::GET).unwrap());
            }
        }
        let parts = &heads[0].parts;
        assert_eq!(parts.status.as_u16(), 299);
        assert!(parts.headers.get_all("x-a").eq(["b", "c"]));
        assert_eq!(parts.extensions.get::<ReasonPhrase>().unwrap().as_bytes(), b"Odd");
        assert_eq!(inbox.take_all(), "body");
    }

    #[test]
    fn bodies_are_framed_as_the_rfc_says() {
        assert_eq!(framing_of(""), Some(Framing::Close));
        assert_eq!(framing_of("content-length: 5\r\n"), Some(Framing::Length(5)));
        assert_eq!(
            framing_of("content-length: 5, 5\r\ncontent-length: 5\r\n"),
            Some(Framing::Length(5))
        );
        assert_eq!(
            framing_of("transfer-encoding: gzip, Chunked\r\ncontent-length: 5\r\n"),
            Some(Framing::Chunked)
        );
        assert_eq!(
            framing_of("transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n"),
            Some(Framing::Close)
        );
        for wrong in ["+5", "", "5, 6", "0x5", "99999999999999999999", "5 5"] {
            assert_eq!(framing_of(&format!("content-length: {wrong}\r\n")), None, "{wrong}");
        }
        assert_eq!(framing_of("content-length: 5\r\ncontent-length: 6\r\n"), None);
    }

    #[test]
    fn some_responses_have_no_body_whatever_they_say() {
        for (status, method) in
            [("204 x", Method::GET), ("304 x", Method::GET), ("200 OK", Method::HEAD)]
        {
            let head = taken(&format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\n\r\n"), &method);
            assert_eq!(head.unwrap().unwrap().framing, Framing::Length(0));
        }
    }

    #[test]
    fn whether_the_connection_goes_on_depends_on_the_version() {
        for (version, field, expected) in [
            ("1.1", "x: y", false),
            ("1.1", "connection: x, close", true),
            ("1.1", "connection: keep-alive\r\nconnection: close", true),
            ("1.0", "x: y", true),
            ("1.0", "connection: Keep-Alive", false),
        ] {
            let head = format!("HTTP/{version} 200 OK\r\ncontent-length: 0\r\n{field}\r\n\r\n");
            assert_eq!(taken(&head, &Method::GET).unwrap().unwrap().closes, expected, "{head}");
        }
    }

    #[test]
    fn what_is_no_head_is_known_as_soon_as_it_can_be() {
        for wrong in [
            "SSH-2.0-OpenSSH",
            "HTTP/1.1 2x",
            "HTTP/2.0 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        ] {
            assert!(taken(wrong, &Method::GET).is_err(), "{wrong}");
        }
        assert!(matches!(taken("HTTP/1.1 200", &Method::GET), Ok(None)));
        let fields = "x: y\r\n".repeat(MOST_FIELDS + 1);
        let many = taken(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), &Method::GET);
        assert!(matches!(many, Err(Fault::TooLarge)));
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST));
        assert!(matches!(taken(&long, &Method::GET), Err(Fault::TooLarge)));
    }
}
