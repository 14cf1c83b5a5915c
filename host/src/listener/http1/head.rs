//! The head of a request, and what it says of body and connection (RFC 9112, 3 to 9).

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri, Version, header, uri::PathAndQuery};

use crate::{
    fields::has_member,
    heads::RequestHead,
    http1::{ADDED_FIELDS, Fault, Inbox, Length, MOST_FIELDS, digits, ends_in_chunks, fields_of},
};

/// What is longer than a request line and some fields, and has no end yet, is let come.
const LINE: usize = 4 << 10;

/// Longer ones are no URIs for the library that has the word.
pub(super) const LONGEST_TARGET: usize = (u16::MAX - 1) as usize;

/// What a head may have at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) bytes: usize,
    pub(super) fields: usize,
}

/// Why something is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed(Fault),
    /// It has more bytes or fields than it may have.
    TooLarge,
    /// Its target is longer than any may be.
    LongTarget,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLarge => Self::TooLarge,
            _ => Self::Malformed(fault),
        }
    }
}

/// How a request's body is delimited. There is none that ends with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

/// A head, and what it says.
pub(super) struct Head {
    pub(super) parts: RequestHead,
    pub(super) framing: Framing,
    /// Another request may follow on the connection.
    pub(super) is_kept: bool,
    /// The client sends its body when it is told to (RFC 9110, 10.1.1).
    pub(super) expects_word: bool,
    /// The connection may become something else by it.
    pub(super) may_switch: bool,
    /// Trailers are read.
    pub(super) takes_trailers: bool,
    /// Its target has a fragment, which its URI has lost without a word (RFC 9112, 3.2).
    pub(super) has_fragment: bool,
}

/// Takes a head off what was read, once all of it is there.
pub(super) fn take(inbox: &mut Inbox, room: Room) -> Result<Option<Head>, Refusal> {
    let head = inbox.take_head();
    let read = head.as_ref().map_or(&inbox.bytes()[..], |head| &head[..]);
    if read.len() > room.bytes {
        let has_line = memchr::memchr(b'\n', &read[..room.bytes]).is_some();
        return Err(if has_line { Refusal::TooLarge } else { Refusal::LongTarget });
    }
    match &head {
        Some(head) => Ok(Some(with_room(room.fields, |fields| parse(head, fields))?)),
        None => Ok(check_part(read, room.fields).map(|()| None)?),
    }
}

/// What cannot become a head is refused as soon as that can be told.
fn check_part(read: &[u8], most_fields: usize) -> Result<(), Fault> {
    // A second look at each byte, and so only while there are few.
    if !(1..=LINE).contains(&read.len()) {
        return Ok(());
    }
    with_room(most_fields, |fields| {
        parse_into(&mut httparse::Request::new(&mut []), read, fields).map(drop)
    })
}

/// Room for so many fields and no more. The usual number has it on the stack, any other allocates.
fn with_room<'h, T>(
    fields: usize,
    parse: impl FnOnce(&mut [MaybeUninit<httparse::Header<'h>>]) -> T,
) -> T {
    match fields {
        MOST_FIELDS => parse(&mut [const { MaybeUninit::uninit() }; MOST_FIELDS]),
        _ => {
            let mut room = Vec::with_capacity(fields);
            room.resize_with(fields, MaybeUninit::uninit);
            parse(&mut room)
        }
    }
}

fn parse<'b>(
    head: &'b Bytes,
    fields: &mut [MaybeUninit<httparse::Header<'b>>],
) -> Result<Head, Refusal> {
    let mut parsed = httparse::Request::new(&mut []);
    // What we take for its end is what the parser takes for it.
    if parse_into(&mut parsed, head, fields)? != httparse::Status::Complete(head.len()) {
        return Err(Fault::Malformed(httparse::Error::NewLine).into());
    }
    let target = parsed.path.unwrap_or_default();
    if target.len() > LONGEST_TARGET {
        return Err(Refusal::LongTarget);
    }
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let mut parts = RequestHead { version, ..RequestHead::default() };
    parts.method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes())
        .map_err(|_| Fault::Malformed(httparse::Error::Token))?;
    parts.uri = Uri::from_maybe_shared(head.slice_ref(target.as_bytes()))
        .map_err(|_| Fault::Malformed(httparse::Error::Token))?;
    if parts.method == Method::OPTIONS && names_server(&parts.uri, target) {
        parts.uri = server_wide(parts.uri).ok_or(Fault::Malformed(httparse::Error::Token))?;
    }
    let mut said = Said::default();
    let note = |name: &_, value: &_| said.note(name, value);
    parts.headers = fields_of(head, parsed.headers, ADDED_FIELDS, note)?;
    let framing = said.framing(version)?;
    if framing == Framing::Chunked {
        // RFC 9112, 6.3: it says nothing, and must not go on.
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    Ok(Head {
        framing,
        is_kept: said.is_kept(version),
        expects_word: said.expects_word && version == Version::HTTP_11,
        may_switch: said.upgrade && version == Version::HTTP_11,
        takes_trailers: said.takes_trailers,
        has_fragment: memchr::memchr(b'#', target.as_bytes()).is_some(),
        parts,
    })
}

/// Whether a target is a server's name and nothing else.
fn names_server(uri: &Uri, target: &str) -> bool {
    uri.scheme().is_some() && uri.path() == "/" && uri.query().is_none() && !target.ends_with('/')
}

/// RFC 9112, 3.2.4: with OPTIONS that stands for the server as a whole, not for its root.
fn server_wide(uri: Uri) -> Option<Uri> {
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static("*"));
    Uri::from_parts(parts).ok()
}

fn parse_into<'h, 'b>(
    parsed: &mut httparse::Request<'h, 'b>,
    head: &'b [u8],
    fields: &'h mut [MaybeUninit<httparse::Header<'b>>],
) -> Result<httparse::Status<usize>, Fault> {
    match parsed.parse_with_uninit_headers(head, fields) {
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
    expects_word: bool,
    upgrade: bool,
    takes_trailers: bool,
}

impl Said {
    /// Takes note of a field. Says whether it goes on with the head.
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> bool {
        match *name {
            header::TRANSFER_ENCODING => self.chunked = Some(ends_in_chunks(value)),
            header::CONTENT_LENGTH => {
                let is_first = self.length == Length::Unsaid;
                self.length.add(digits(value.as_bytes()));
                return is_first;
            }
            header::CONNECTION => {
                self.close |= has_member(value, "close");
                self.keep_alive |= has_member(value, "keep-alive");
            }
            header::EXPECT => {
                self.expects_word = value.as_bytes().eq_ignore_ascii_case(b"100-continue");
            }
            header::UPGRADE => self.upgrade = true,
            header::TE => self.takes_trailers |= has_member(value, "trailers"),
            _ => {}
        }
        true
    }

    /// RFC 9112, 6.3.
    fn framing(&self, version: Version) -> Result<Framing, Fault> {
        match self.chunked {
            None => Ok(Framing::Length(self.length.get()?.unwrap_or(0))),
            // RFC 9112, 6.1: whoever speaks 1.0 and frames so is not to be understood.
            Some(true) if version == Version::HTTP_11 => Ok(Framing::Chunked),
            Some(_) => Err(Fault::Framing),
        }
    }

    /// RFC 9112, 9.3; and 6.1: two lengths may have been smuggled past somebody, and so nothing follows them.
    fn is_kept(&self, version: Version) -> bool {
        let has_two = self.chunked.is_some() && self.length != Length::Unsaid;
        !self.close && !has_two && (version == Version::HTTP_11 || self.keep_alive)
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    const ROOM: Room = Room { bytes: 16 << 10, fields: MOST_FIELDS };

    fn taken(text: &str) -> Result<Option<Head>, Refusal> {
        take(&mut Inbox::new(BytesMut::from(text), 0), ROOM)
    }

    fn with(fields: &str) -> Result<Head, Refusal> {
        taken(&format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n")).map(Option::unwrap)
    }

    #[test]
    fn a_head_is_taken_when_all_of_it_is_there() {
        let all = "\r\nPOST /a?b=c HTTP/1.1\r\nHost: a\r\nX-A:  b \r\nx-a: c\r\n\
                   content-length: 4\r\nExpect: 100-Continue\r\nTE: x, trailers\r\n\r\nbody";
        let (mut inbox, mut heads) = (Inbox::default(), Vec::new());
        for byte in all.as_bytes() {
            inbox.bytes().extend_from_slice(&[*byte]);
            if heads.is_empty() {
                heads.extend(take(&mut inbox, ROOM).unwrap());
            }
        }
        let head = heads.remove(0);
        let parts = head.parts;
        assert_eq!((parts.method.as_str(), parts.uri.to_string()), ("POST", "/a?b=c".into()));
        assert!(parts.headers.get_all("x-a").eq(["b", "c"]));
        assert_eq!(head.framing, Framing::Length(4));
        assert!(head.is_kept && head.expects_word && head.takes_trailers);
        assert!(!head.may_switch && !head.has_fragment);
        assert_eq!(inbox.take_all(), "body");
    }

    #[test]
    fn only_a_targets_number_sign_is_a_fragment() {
        let has = |head: &str| taken(head).unwrap().unwrap().has_fragment;
        assert!(has("GET /a#b HTTP/1.1\r\n\r\n") && has("GET /a?b#c HTTP/1.0\n\n"));
        assert!(!has("GET /a HTTP/1.1\r\nreferer: /a#b\r\n\r\n"));
    }

    #[test]
    fn a_server_as_a_whole_is_named_by_itself_or_by_a_star() {
        for (line, path) in [
            ("OPTIONS *", "*"),
            ("OPTIONS http://a:80", "*"),
            ("OPTIONS http://a/", "/"),
            ("OPTIONS http://a/a", "/a"),
            ("OPTIONS http://a?b", "/"),
            ("OPTIONS /a", "/a"),
            ("GET http://a", "/"),
        ] {
            let head = taken(&format!("{line} HTTP/1.1\r\n\r\n")).unwrap().unwrap();
            assert_eq!(head.parts.uri.path(), path, "{line}");
            assert_eq!(head.parts.uri.authority().is_some(), line.contains("//"), "{line}");
        }
    }

    #[test]
    fn bodies_are_framed_as_the_rfc_says() {
        let framing = |fields: &str| with(fields).ok().map(|head| (head.framing, head.is_kept));
        assert_eq!(framing(""), Some((Framing::Length(0), true)));
        assert_eq!(framing("content-length: 5\r\n"), Some((Framing::Length(5), true)));
        let twice = with("content-length: 5\r\ncontent-length: 5\r\n").unwrap();
        assert_eq!(twice.framing, Framing::Length(5));
        assert!(twice.parts.headers.get_all("content-length").eq(["5"]));
        let codings = "transfer-encoding: gzip\r\ntransfer-encoding: Chunked\r\n";
        assert_eq!(framing(codings), Some((Framing::Chunked, true)));
        for both in [
            "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
            "content-length: x\r\ntransfer-encoding: chunked\r\n",
        ] {
            let head = with(both).unwrap();
            assert_eq!((head.framing, head.is_kept), (Framing::Chunked, false));
            assert!(!head.parts.headers.contains("content-length"));
        }
        for wrong in [
            "content-length: +5\r\n",
            "content-length: 5, 5\r\n",
            "content-length: \r\n",
            "content-length: 5\r\ncontent-length: 6\r\n",
            "transfer-encoding: chunked, gzip\r\n",
            "transfer-encoding: \r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: x\r\n",
        ] {
            assert!(matches!(with(wrong), Err(Refusal::Malformed(Fault::Framing))), "{wrong}");
        }
        let old = "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n";
        assert!(matches!(taken(old), Err(Refusal::Malformed(Fault::Framing))));
    }

    #[test]
    fn whether_the_connection_goes_on_depends_on_the_version() {
        for (version, field, expected) in [
            ("1.1", "x: y", true),
            ("1.1", "connection: x, close", false),
            ("1.1", "connection: close\r\nconnection: keep-alive", false),
            ("1.0", "x: y", false),
            ("1.0", "connection: Keep-Alive", true),
        ] {
            let head = taken(&format!("GET / HTTP/{version}\r\n{field}\r\n\r\n")).unwrap().unwrap();
            assert_eq!(head.is_kept, expected, "{version} {field}");
        }
        let old = "GET / HTTP/1.0\r\nupgrade: x\r\nexpect: 100-continue\r\n\r\n";
        let old = taken(old).unwrap().unwrap();
        assert!(!old.may_switch && !old.expects_word, "1.0 knows neither");
    }

    #[test]
    fn what_is_no_head_is_known_as_soon_as_it_can_be() {
        for wrong in [
            "\x16\x03\x01",
            "SSH-2.0-OpenSSH\r\n",
            "GET  / HTTP/1.1\r\n",
            "GET / HTTP/2.0\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n",
            "GET / HTTP/1.1\r\na: b\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\na : b\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\rc: d\r\n\r\n",
            "GET / HTTP/1.1\r\n\0: b\r\n\r\n",
            "GET http:// HTTP/1.1\r\n\r\n",
        ] {
            let refused = taken(wrong);
            let is_malformed = matches!(refused, Err(Refusal::Malformed(Fault::Malformed(_))));
            assert!(is_malformed, "{wrong:?}");
        }
        assert!(matches!(taken("GET / HTTP/1.1\r\na"), Ok(None)));
    }

    #[test]
    fn what_is_too_long_has_one_of_two_reasons() {
        for end in ["", " HTTP/1.1\r\n\r\n"] {
            let line = format!("GET /{}{end}", "x".repeat(ROOM.bytes));
            assert!(matches!(taken(&line), Err(Refusal::LongTarget)));
        }
        let room = Room { bytes: 1 << 20, ..ROOM };
        let line = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(LONGEST_TARGET));
        let long = take(&mut Inbox::new(BytesMut::from(&*line), 0), room);
        assert!(matches!(long, Err(Refusal::LongTarget)));
        let fields = format!("x: {}\r\n", "y".repeat(ROOM.bytes));
        assert!(matches!(with(&fields), Err(Refusal::TooLarge)));
        let many = with(&"x: y\r\n".repeat(ROOM.fields));
        assert!(matches!(many, Err(Refusal::TooLarge)));
    }
}
