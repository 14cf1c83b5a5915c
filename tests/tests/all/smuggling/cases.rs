//! Reads the files of cases; their format is described at their beginnings.

/// A case.
pub(super) struct Case<M> {
    pub(super) number: usize,
    pub(super) name: &'static str,
    pub(super) expected: Expected,
    pub(super) message: M,
}

/// What is to become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    GoesOn,
    Refused,
    /// Refused, and nothing is read behind it.
    Closed,
    Either,
}

/// A request of HTTP/2.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) head: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) data: Vec<Vec<u8>>,
    pub(super) trailers: Vec<(Vec<u8>, Vec<u8>)>,
    /// With this code, in the place of an end.
    pub(super) reset: Option<u32>,
}

/// Requests as bytes.
pub(super) fn http1() -> Vec<Case<Vec<u8>>> {
    read(include_str!("http1.txt"), |lines, number| {
        let line = |line: &&str| match line.strip_suffix('\\') {
            Some(open) => bytes(open, number),
            None => [bytes(line, number), b"\r\n".to_vec()].concat(),
        };
        lines.iter().flat_map(line).collect()
    })
}

/// Requests as fields.
pub(super) fn http2() -> Vec<Case<Fields>> {
    read(include_str!("http2.txt"), |lines, number| {
        let mut fields = Fields::default();
        for line in lines.iter().filter(|line| !line.is_empty()) {
            if let Some(data) = line.strip_prefix('>') {
                fields.data.push(bytes(data.strip_prefix(' ').unwrap_or(data), number));
            } else if let Some(code) = line.strip_prefix("reset ") {
                fields.reset = Some(code.parse().expect("a code"));
            } else if let Some(trailer) = line.strip_prefix("trailer ") {
                fields.trailers.push(field(trailer, number));
            } else {
                fields.head.push(field(line, number));
            }
        }
        fields
    })
}

fn read<M>(text: &'static str, message: impl Fn(&[&str], usize) -> M) -> Vec<Case<M>> {
    let mut cases = Vec::new();
    // The end of the file is no line of its last case.
    let text = text.strip_suffix('\n').unwrap_or(text);
    for (number, case) in text.split("\n--- ").skip(1).enumerate() {
        // A section's title, and the empty line before it, belong to no case.
        let case = case.split("\n\n## ").next().expect("a first part");
        let (title, body) = case.split_once('\n').expect("a message");
        let (name, expected) = title.split_once(" => ").expect("an expectation");
        let expected = match expected {
            "goes on" => Expected::GoesOn,
            "refused" => Expected::Refused,
            "refused, closed" => Expected::Closed,
            "either" => Expected::Either,
            other => panic!("{name}: {other}?"),
        };
        let lines: Vec<_> = body.split('\n').collect();
        cases.push(Case { number, name, expected, message: message(&lines, number) });
    }
    cases
}

/// `name: value`; a name may begin with a colon.
fn field(line: &str, number: usize) -> (Vec<u8>, Vec<u8>) {
    let (name, value) = match line.split_once(": ") {
        Some(both) => both,
        None => line.split_once(":\\x20").expect("a field"),
    };
    (bytes(name, number), bytes(value, number))
}

/// The bytes that a line stands for.
fn bytes(line: &str, number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let (byte, length) = match rest.as_bytes() {
            [b'@', b'@', ..] => (vec![b'@'], 2),
            [b'@', ..] => (number.to_string().into_bytes(), 1),
            [b'\\', b'r', ..] => (vec![b'\r'], 2),
            [b'\\', b'n', ..] => (vec![b'\n'], 2),
            [b'\\', b't', ..] => (vec![b'\t'], 2),
            [b'\\', b'0', ..] => (vec![0], 2),
            [b'\\', b'\\', ..] => (vec![b'\\'], 2),
            [b'\\', b'x', ..] => {
                (vec![u8::from_str_radix(&rest[2..4], 16).expect("two hex digits")], 4)
            }
            _ => (c.to_string().into_bytes(), c.len_utf8()),
        };
        bytes.extend(byte);
        rest = &rest[length..];
    }
    bytes
}

#[test]
fn lines_stand_for_bytes() {
    assert_eq!(bytes("a@@b-@ \\r\\n\\t\\0\\x7f\\\\", 12), b"a@b-12 \r\n\t\0\x7f\\");
    let cases = http1();
    let first = &cases[0];
    assert_eq!((first.name, first.expected), ("CL.TE", Expected::Either));
    assert!(first.message.starts_with(b"POST /case-0 HTTP/1.1\r\nHost: a\r\n"));
}
