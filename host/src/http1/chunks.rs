//! A body in chunks, as it is read (RFC 9112, 7.1).

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;

use super::{Fault, MOST_FIELDS, fields_of};

/// The longest line of a size with its extensions, and the longest trailer section, in bytes.
pub const LONGEST: usize = 16 << 10;

/// Where in the body we are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Chunks {
    /// Before a size.
    #[default]
    Size,
    /// So many bytes of a chunk are left.
    Data(u64),
    /// Before the end of the line that ends a chunk.
    DataEnd,
    /// After the last chunk.
    Trailers,
    /// Behind the body.
    Ended,
}

/// What was found.
#[derive(Debug)]
pub enum Found {
    /// Nothing, until more is read.
    More,
    /// A piece of the body.
    Data(Bytes),
    /// The end, and trailers if there are any.
    End(Option<HeaderMap>),
}

impl Chunks {
    /// Takes what there is of the next chunk, or the end, off `read`.
    pub fn take(&mut self, read: &mut BytesMut) -> Result<Found, Fault> {
        loop {
            match self {
                Self::Size => {
                    let Some(line) = line(read)? else { return Ok(Found::More) };
                    *self = match size(&line)? {
                        0 => Self::Trailers,
                        length => Self::Data(length),
                    };
                }
                Self::Data(0) => *self = Self::DataEnd,
                Self::Data(_) if read.is_empty() => return Ok(Found::More),
                Self::Data(left) => {
                    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(read.len());
                    *left -= length as u64;
                    return Ok(Found::Data(read.split_to(length).freeze()));
                }
                Self::DataEnd => match read[..] {
                    [b'\r', b'\n', ..] => {
                        read.advance(2);
                        *self = Self::Size;
                    }
                    [] | [b'\r'] => return Ok(Found::More),
                    _ => return Err(Fault::Chunk),
                },
                Self::Trailers => {
                    let Some(trailers) = trailers(read)? else { return Ok(Found::More) };
                    *self = Self::Ended;
                    return Ok(Found::End(Some(trailers).filter(|fields| !fields.is_empty())));
                }
                Self::Ended => return Ok(Found::End(None)),
            }
        }
    }
}

/// A line without its end. A carriage return alone, or a line feed alone, ends nothing: others might
/// see another message there.
fn line(read: &mut BytesMut) -> Result<Option<BytesMut>, Fault> {
    let Some(end) = memchr::memchr(b'\n', read) else {
        return if read.len() > LONGEST { Err(Fault::Chunk) } else { Ok(None) };
    };
    let mut line = read.split_to(end + 1);
    if !line.ends_with(b"\r\n") || line.len() > LONGEST {
        return Err(Fault::Chunk);
    }
    line.truncate(end - 1);
    Ok(Some(line))
}

/// The size; extensions after it are passed over (RFC 9112, 7.1.1).
fn size(line: &[u8]) -> Result<u64, Fault> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = line[digits..].trim_ascii_start();
    if digits == 0 || !(rest.is_empty() || rest[0] == b';') || rest.contains(&b'\r') {
        return Err(Fault::Chunk);
    }
    let digits = std::str::from_utf8(&line[..digits]).map_err(|_| Fault::Chunk)?;
    u64::from_str_radix(digits, 16).map_err(|_| Fault::Chunk)
}

/// The trailer section with the empty line that ends it.
fn trailers(read: &mut BytesMut) -> Result<Option<HeaderMap>, Fault> {
    if read.starts_with(b"\r\n") {
        read.advance(2);
        return Ok(Some(HeaderMap::new()));
    }
    let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") else {
        return if read.len() > LONGEST { Err(Fault::TooLarge) } else { Ok(None) };
    };
    if end > LONGEST {
        return Err(Fault::TooLarge);
    }
    let section = read.split_to(end + 4).freeze();
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    match httparse::parse_headers(&section, &mut fields) {
        Ok(httparse::Status::Complete((length, fields))) if length == section.len() => {
            fields_of(&section, fields, 0, |_, _| true).map(|fields| Some(fields.into()))
        }
        Err(httparse::Error::TooManyHeaders) => Err(Fault::TooLarge),
        _ => Err(Fault::Chunk),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a body that is read so many bytes at a time: its data, its trailers, and what
    /// is left.
    fn taken(text: &str, step: usize) -> Result<(String, Option<HeaderMap>, String), Fault> {
        let (mut chunks, mut read, mut data) = (Chunks::default(), BytesMut::new(), Vec::new());
        let mut rest = text.as_bytes();
        loop {
            match chunks.take(&mut read)? {
                Found::Data(piece) => data.extend_from_slice(&piece),
                Found::End(trailers) => {
                    read.extend_from_slice(rest);
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    return Ok((text(&data), trailers, text(&read)));
                }
                Found::More if rest.is_empty() => return Err(Fault::Framing),
                Found::More => {
                    let (now, later) = rest.split_at(step.min(rest.len()));
                    read.extend_from_slice(now);
                    rest = later;
                }
            }
        }
    }

    #[test]
    fn chunks_are_the_same_however_they_come() {
        let text = "4\r\nwiki\r\n00A;name=\"v\"\r\npedia in \r\r\n0\r\nX-Sum: 7\r\n\r\nnext";
        for step in [1, 2, 3, 7, 100] {
            let (data, trailers, rest) = taken(text, step).unwrap();
            assert_eq!((&*data, &*rest), ("wikipedia in \r", "next"), "{step}");
            assert_eq!(trailers.unwrap()["x-sum"], "7");
        }
        let (data, trailers, rest) = taken("1 \r\na\r\n0\r\n\r\n", 100).unwrap();
        assert_eq!((&*data, trailers, &*rest), ("a", None, ""));
    }

    #[test]
    fn what_others_might_read_differently_is_an_error() {
        for wrong in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\na\r\n",
            "0x1\r\na\r\n",
            "1\na\r\n0\r\n\r\n",
            "1\r\nab\r\n",
            "1\r\na\n0\r\n\r\n",
            "1;a\rb\r\na\r\n",
            "1 2\r\n",
            "11111111111111111\r\n",
            "0\r\nno colon\r\n\r\n",
            "0\r\na: b\n\r\n\r\nc: d\r\n\r\n",
        ] {
            for step in [1, 100] {
                assert!(taken(wrong, step).is_err(), "{wrong:?}");
            }
        }
    }

    #[test]
    fn lines_have_an_end() {
        let long = format!("1;{}", "x".repeat(LONGEST));
        assert!(matches!(taken(&long, 1000), Err(Fault::Chunk)));
        let long = format!("0\r\nx: {}", "y".repeat(LONGEST));
        assert!(matches!(taken(&long, 1000), Err(Fault::TooLarge)));
    }
}
