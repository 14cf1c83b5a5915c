//! Vectors of the specification, and what holds for any bytes.

use super::*;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, block].concat()
}

/// Complete headers, and whom they name.
fn headers() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let line = |line: &str| line.as_bytes().to_vec();
    let ipv4 = [192, 0, 2, 1, 198, 51, 100, 2, 0xc7, 0x38, 0x01, 0xbb];
    let mut ipv6 = [0; 36];
    ipv6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    ipv6[15] = 1;
    ipv6[32..34].copy_from_slice(&[0xc7, 0x38]);
    // 2.2.3 PP2_TYPE_AUTHORITY, 2.2.4 PP2_TYPE_NOOP.
    let tlvs = b"\x02\x00\x09a.example\x04\x00\x03xyz";
    vec![
        (line("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), Some("192.168.0.1:56324")),
        // The longest of each family (2.1).
        (
            line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
            Some("255.255.255.255:65535"),
        ),
        (
            line(concat!(
                "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"
            )),
            Some("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
        ),
        (line("PROXY UNKNOWN\r\n"), None),
        (
            line(concat!(
                "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"
            )),
            None,
        ),
        (line("PROXY TCP6 2001:db8::1 ::1 0 443\r\n"), Some("[2001:db8::1]:0")),
        (version_2(0x21, 0x11, &ipv4), Some("192.0.2.1:51000")),
        (version_2(0x21, 0x11, &[&ipv4[..], tlvs].concat()), Some("192.0.2.1:51000")),
        (version_2(0x21, 0x21, &ipv6), Some("[2001:db8::1]:51000")),
        (version_2(0x21, 0x21, &[&ipv6[..], tlvs].concat()), Some("[2001:db8::1]:51000")),
        (version_2(0x21, 0x31, &[b'/'; 216]), None),
        (version_2(0x21, 0x00, b""), None),
        (version_2(0x21, 0x00, tlvs), None),
        (version_2(0x20, 0x00, b""), None),
        // Whatever stands there, it is discarded.
        (version_2(0x20, 0x11, &ipv4), None),
        (version_2(0x20, 0x55, b"x"), None),
        (version_2(0x20, 0x00, &[0; VERSION_2_MOST - 16]), None),
    ]
}

#[test]
fn whose_connection_it_is() {
    for (header, client) in headers() {
        let client = client.map(|client| client.parse().unwrap());
        let expected = Header { length: header.len(), client };
        assert_eq!(parse(&header), Ok(Some(expected)), "{header:?}");
    }
}

#[test]
fn a_header_may_come_in_pieces_and_ends_where_it_ends() {
    for (header, _) in headers() {
        for length in 0..header.len() {
            assert_eq!(parse(&header[..length]), Ok(None), "{length} bytes of {header:?}");
        }
        for rest in [&b"GET / HTTP/1.1\r\n"[..], b"\r\n", b"\x16\x03\x01", &header] {
            let whole = parse(&header);
            assert_eq!(parse(&[&header[..], rest].concat()), whole, "{header:?} and {rest:?}");
        }
    }
}

#[test]
fn what_is_no_header_is_told_from_where_on() {
    for (text, at) in [
        ("GET / HTTP/1.1\r\n", 0),
        ("\x16\x03\x01", 0),
        ("PRI * HTTP/2.0\r\n", 2),
        ("PROXYTCP4", 5),
        ("PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n", 6),
        ("PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n", 6),
        ("PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n", 6),
        ("PROXY \r\n", 6),
        ("PROXY TCP4\r\n", 10),
        ("PROXY TCP4 ::1 2.2.2.2 1 2\r\n", 11),
        ("PROXY TCP6 1.1.1.1 ::1 1 2\r\n", 11),
        ("PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n", 11),
        ("PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n", 11),
        ("PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n", 19),
        ("PROXY TCP4 1.1.1.1 2.2.2.x 1 2\r\n", 19),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n", 27),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n", 27),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", 27),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 \r\n", 29),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", 28),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", 31),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", 31),
        ("PROXY TCP4 1.1.1.1 2.2.2.2\t1 2\r\n", 19),
        ("PROXY TCP4 1.1.1.1\n", usize::MAX),
    ] {
        match parse(text.as_bytes()) {
            Err(malformed) => assert_eq!(malformed.at, at, "{text:?}: {malformed}"),
            // A line feed alone ends nothing.
            other => assert_eq!((other, at), (Ok(None), usize::MAX), "{text:?}"),
        }
    }
    let endless = format!("PROXY UNKNOWN {}", "x".repeat(VERSION_1_MOST));
    assert_eq!(parse(endless.as_bytes()).unwrap_err().at, VERSION_1_MOST);
    assert_eq!(parse(b"PROXY TCP4 1.1.1.\xff\r\n").unwrap_err().at, 17);
    for (header, at) in [
        (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), 11),
        (version_2(0x11, 0x11, &[0; 12]), 12),
        (version_2(0x22, 0x11, &[0; 12]), 12),
        (version_2(0x21, 0x12, &[0; 12]), 13),
        (version_2(0x21, 0x01, &[0; 12]), 13),
        (version_2(0x21, 0x41, &[0; 12]), 13),
        (version_2(0x21, 0x11, &[0; 11]), 14),
        (version_2(0x21, 0x21, &[0; 35]), 14),
        (version_2(0x21, 0x31, &[0; 215]), 14),
        (version_2(0x21, 0x11, &[0; VERSION_2_MOST - 15]), 14),
    ] {
        assert_eq!(parse(&header).unwrap_err().at, at, "{header:?}");
    }
}

/// Numbers that look random, always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

#[test]
fn any_bytes_are_a_header_or_none_and_pieces_change_nothing() {
    let (mut numbers, headers) = (Numbers(0x1234_5678_9abc_def1), headers());
    for _ in 0..20_000 {
        // A header with a few bytes changed, taken out or put in, so that all of the parser is met.
        let mut bytes = headers[numbers.below(headers.len())].0.clone();
        for _ in 0..numbers.below(4) {
            let (at, byte) = (numbers.below(bytes.len()), numbers.below(256) as u8);
            match numbers.below(3) {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let whole = parse(&bytes);
        let first =
            (0..=bytes.len()).map(|length| parse(&bytes[..length])).find(|p| *p != Ok(None));
        // What was found in a piece is what is found in more of it.
        match first {
            Some(Ok(header)) => assert_eq!(whole, Ok(header), "{bytes:?}"),
            Some(Err(_)) => assert!(whole.is_err(), "{bytes:?}"),
            None => assert_eq!(whole, Ok(None), "{bytes:?}"),
        }
        if let Ok(Some(header)) = whole {
            assert!(header.length <= bytes.len());
        }
    }
}
