//! The PROXY protocol, versions 1 and 2: what a balancer writes before a client's first byte, to
//! say whose connection it is (HAProxy's doc/proxy-protocol.txt, whose sections are named here).

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::{io::AsyncReadExt as _, net::TcpStream};

/// Reads the header, and nothing that follows it. Gives the client that it names; none where the
/// balancer speaks for itself or cannot say (`LOCAL`, `UNKNOWN`).
pub(super) async fn read(tcp: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut bytes = vec![0; VERSION_2_MOST];
    let mut filled = 0;
    loop {
        let seen = tcp.peek(&mut bytes[filled..]).await?;
        if seen == 0 {
            let why = format!("closed in its PROXY header, after {filled} bytes");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        let header = parse(&bytes[..filled + seen])?;
        // Of a header that is not complete all that was seen is a part.
        let end = header.map_or(filled + seen, |header| header.length);
        tcp.read_exact(&mut bytes[filled..end]).await?;
        filled = end;
        if let Some(header) = header {
            return Ok(header.client);
        }
    }
}

/// A complete header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    /// Bytes of it.
    length: usize,
    client: Option<SocketAddr>,
}

/// What makes no header, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed {
    at: usize,
    why: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its PROXY header is wrong at byte {}: {}", self.at, self.why)
    }
}

impl std::error::Error for Malformed {}

impl From<Malformed> for io::Error {
    fn from(why: Malformed) -> Self {
        Self::new(io::ErrorKind::InvalidData, why)
    }
}

/// Parses a connection's beginning; none while the header is not complete.
fn parse(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    match bytes.first() {
        None => Ok(None),
        Some(b'P') => version_1(bytes),
        Some(_) => version_2(bytes),
    }
}

/// Fails at the first byte that differs; `bytes` may end before `start` does.
fn begins_with(bytes: &[u8], start: &[u8]) -> Result<(), Malformed> {
    match bytes.iter().zip(start).position(|(a, b)| a != b) {
        Some(at) => Err(Malformed { at, why: "there is no PROXY header" }),
        None => Ok(()),
    }
}

/// The longest line, its end included (2.1).
const VERSION_1_MOST: usize = 107;

/// `PROXY TCP4 192.0.2.1 192.0.2.2 51000 443\r\n` (2.1).
fn version_1(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    const START: &[u8] = b"PROXY ";
    begins_with(bytes, START)?;
    let bytes = &bytes[..bytes.len().min(VERSION_1_MOST)];
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return match bytes.len() < VERSION_1_MOST {
            true => Ok(None),
            false => Err(Malformed { at: VERSION_1_MOST, why: "its line is too long" }),
        };
    };
    let line = str::from_utf8(&bytes[..end])
        .map_err(|why| Malformed { at: why.valid_up_to(), why: "it is not ASCII" })?;
    let client = Words { line, at: START.len() }.client()?;
    Ok(Some(Header { length: end + 2, client }))
}

/// The words of a line, with one blank between two.
struct Words<'a> {
    line: &'a str,
    /// Where the next word begins; past the end of the line if there is none.
    at: usize,
}

impl Words<'_> {
    fn client(mut self) -> Result<Option<SocketAddr>, Malformed> {
        let family = self.at;
        let is_its: fn(&IpAddr) -> bool = match self.word() {
            // What follows is not to be looked at.
            "UNKNOWN" => return Ok(None),
            "TCP4" => IpAddr::is_ipv4,
            "TCP6" => IpAddr::is_ipv6,
            _ => return Err(Malformed { at: family, why: "not TCP4, TCP6 or UNKNOWN" }),
        };
        let source = self.address(is_its)?;
        self.address(is_its)?;
        let port = self.port()?;
        self.port()?;
        match self.at > self.line.len() {
            true => Ok(Some(SocketAddr::new(source, port))),
            false => Err(Malformed { at: self.at, why: "the line goes on" }),
        }
    }

    /// An empty one where there is none.
    fn word(&mut self) -> &str {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let word = rest.split(' ').next().unwrap_or_default();
        self.at += word.len() + 1;
        word
    }

    /// Where the next word is missed, if there is none.
    fn place(&self) -> usize {
        self.at.min(self.line.len())
    }

    fn address(&mut self, is_its: fn(&IpAddr) -> bool) -> Result<IpAddr, Malformed> {
        let at = self.place();
        let address = self.word().parse().ok().filter(is_its);
        address.ok_or(Malformed { at, why: "not an address of this family" })
    }

    fn port(&mut self) -> Result<u16, Malformed> {
        let at = self.place();
        let is_plain = |text: &&str| {
            text.bytes().all(|byte| byte.is_ascii_digit())
                && (*text == "0" || !text.starts_with('0'))
        };
        let port = Some(self.word()).filter(is_plain).and_then(|text| text.parse().ok());
        port.ok_or(Malformed { at, why: "not a port" })
    }
}

/// The most that is taken. Addresses need 232 bytes at most; the rest is for what balancers add,
/// which they must send at once with them, so that it is never much.
const VERSION_2_MOST: usize = 4096;

/// Signature, version and command, family and transport, length; then addresses and additions
/// (2.2). The additions (TLVs) are skipped.
fn version_2(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    const FIXED: usize = 16;
    begins_with(bytes, SIGNATURE)?;
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE.len()..FIXED) else {
        return Ok(None);
    };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > VERSION_2_MOST {
        return Err(Malformed { at: 14, why: "it is too long" });
    }
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Malformed { at: 12, why: "not version 2, or no command of it" }),
    };
    let Some(block) = bytes.get(FIXED..length) else { return Ok(None) };
    // A check of the balancer's own: its block is discarded, whatever the family.
    let client = if is_local { None } else { client_in(block, family)? };
    Ok(Some(Header { length, client }))
}

/// The source address, which is the first in its block.
fn client_in(block: &[u8], family: u8) -> Result<Option<SocketAddr>, Malformed> {
    let short = Malformed { at: 14, why: "too short for its addresses" };
    match family {
        // The balancer does not know.
        0x00 => Ok(None),
        // TCP over IPv4: two addresses, two ports.
        0x11 => match block.first_chunk::<12>() {
            Some([a, b, c, d, _, _, _, _, high, low, ..]) => {
                let address = Ipv4Addr::new(*a, *b, *c, *d);
                Ok(Some((address, u16::from_be_bytes([*high, *low])).into()))
            }
            None => Err(short),
        },
        // TCP over IPv6.
        0x21 => {
            let (address, rest) = block.split_first_chunk::<16>().ok_or(short)?;
            let ports = rest.get(16..20).ok_or(short)?;
            let port = u16::from_be_bytes([ports[0], ports[1]]);
            Ok(Some((Ipv6Addr::from(*address), port).into()))
        }
        // Unix streams have two paths and no address.
        0x31 if block.len() >= 216 => Ok(None),
        0x31 => Err(short),
        _ => Err(Malformed { at: 13, why: "no stream of a family that is known" }),
    }
}

#[cfg(test)]
mod tests;
