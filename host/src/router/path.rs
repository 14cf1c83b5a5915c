//! One normal form of a request path, made once: routes match it and the upstream gets it.

use std::borrow::Cow;

/// A path that can be matched and forwarded.
#[derive(Debug, PartialEq, Eq)]
pub struct NormalPath<'a> {
    /// Percent-encoded, without dot segments or empty ones: what is forwarded.
    pub encoded: Cow<'a, str>,
    /// Decoded once: what routes match.
    pub decoded: Cow<'a, str>,
}

/// What becomes of slashes that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slashes {
    /// They are one.
    Merged,
    /// They stay, with the empty segments between them.
    Kept,
}

/// Why a path is refused. Each of these means one thing to a gateway and another to the service
/// behind it, which is how access rules are got around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadPath {
    /// `%2F`, `%5C` or `%00`.
    EncodedDelimiter,
    /// A percent sign without two hex digits.
    BadEncoding,
    /// Dot segments that lead above the root.
    AboveRoot,
    /// Dot segments with parameters, `..;x`, or nothing but parameters, `/;x/`: services that take these off read `..`
    /// and `//`.
    OnlyParameters,
    /// The decoded path is not UTF-8.
    NotText,
}

impl BadPath {
    /// What to tell the client.
    pub fn detail(self) -> &'static str {
        match self {
            Self::EncodedDelimiter => {
                "the path has an encoded slash, backslash or null (%2F, %5C, %00)"
            }
            Self::BadEncoding => "the path has a percent sign without two hex digits",
            Self::AboveRoot => "the path leads above its root",
            Self::OnlyParameters => {
                "the path has a segment that is empty or of dots but for its parameters (`..;x`)"
            }
            Self::NotText => "the path is not UTF-8",
        }
    }
}

impl<'a> NormalPath<'a> {
    /// Takes the path of a request target. Empty segments are left out (`//admin` is `/admin`) unless they are
    /// wanted: many services read them so, and who routes them otherwise lets them around the routes that guard.
    pub fn of(path: &'a str, slashes: Slashes) -> Result<Self, BadPath> {
        let bytes = path.as_bytes();
        let has_percent = bytes.contains(&b'%');
        if bytes.contains(&b'\\') {
            return Err(BadPath::EncodedDelimiter);
        }
        // Nearly every path has neither and is used as it stands.
        if !has_percent && is_plain(bytes, slashes) {
            return Ok(Self { encoded: Cow::Borrowed(path), decoded: Cow::Borrowed(path) });
        }
        if has_percent {
            check_encoding(bytes)?;
        }
        let encoded = normal_segments(path, slashes)?;
        let decoded = match has_percent {
            true => Cow::Owned(self::decoded(&encoded)?),
            false => encoded.clone(),
        };
        Ok(Self { encoded, decoded })
    }
}

/// Whether no segment may be empty or one of dots.
fn is_plain(path: &[u8], slashes: Slashes) -> bool {
    let merged = slashes == Slashes::Merged;
    let is_suspect = |byte| matches!(byte, b'.' | b';') || merged && byte == b'/';
    !path.windows(2).any(|pair| pair[0] == b'/' && is_suspect(pair[1]))
}

fn check_encoding(bytes: &[u8]) -> Result<(), BadPath> {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        match rest.get(at + 1..at + 3).and_then(hex) {
            None => return Err(BadPath::BadEncoding),
            Some(b'/' | b'\\' | 0) => return Err(BadPath::EncodedDelimiter),
            Some(_) => rest = &rest[at + 3..],
        }
    }
    Ok(())
}

/// A segment up to its first semicolon (RFC 3986, 3.3), encoded or not.
fn without_parameters(segment: &str) -> &str {
    let plain = segment.find(';');
    let mut threes = segment.as_bytes().windows(3);
    let encoded = threes.position(|three| three.eq_ignore_ascii_case(b"%3b"));
    let end = plain.into_iter().chain(encoded).min();
    &segment[..end.unwrap_or(segment.len())]
}

/// RFC 3986, 5.2.4, with `%2e` read as a dot. An empty segment is gone before a `..` could take it away, as it
/// is where services merge slashes.
fn normal_segments(path: &str, slashes: Slashes) -> Result<Cow<'_, str>, BadPath> {
    let is_dot = |segment: &str| matches!(segment.to_ascii_lowercase().as_str(), "." | "%2e");
    let is_up = |segment: &str| {
        matches!(segment.to_ascii_lowercase().as_str(), ".." | ".%2e" | "%2e." | "%2e%2e")
    };
    let is_merged = |segment: &str| segment.is_empty() && slashes == Slashes::Merged;
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        let bare = without_parameters(segment);
        let is_nothing = is_dot(bare) || is_up(bare) || bare.is_empty() && !last;
        if bare.len() < segment.len() && is_nothing {
            return Err(BadPath::OnlyParameters);
        }
        if is_up(segment) {
            kept.pop().ok_or(BadPath::AboveRoot)?;
        } else if !is_dot(segment) {
            if last || !is_merged(segment) {
                kept.push(segment);
            }
            continue;
        }
        if last {
            kept.push("");
        }
    }
    let length = kept.iter().map(|segment| segment.len() + 1).sum::<usize>();
    // Nothing was left out.
    if length == path.len() {
        return Ok(Cow::Borrowed(path));
    }
    Ok(Cow::Owned(format!("/{}", kept.join("/"))))
}

/// What a part of a path says, decoded once.
pub fn decoded(path: &str) -> Result<String, BadPath> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.as_bytes();
    while let Some((first, rest)) = bytes.split_first() {
        if *first == b'%' {
            out.push(rest.get(..2).and_then(hex).ok_or(BadPath::BadEncoding)?);
            bytes = &rest[2..];
        } else {
            out.push(*first);
            bytes = rest;
        }
    }
    String::from_utf8(out).map_err(|_| BadPath::NotText)
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |b: u8| (b as char).to_digit(16);
    Some((digit(*digits.first()?)? * 16 + digit(*digits.get(1)?)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms() {
        for (path, encoded, decoded) in [
            ("/", "/", "/"),
            ("/a//b", "/a/b", "/a/b"),
            ("//a/b", "/a/b", "/a/b"),
            ("//", "/", "/"),
            ("/a//", "/a/", "/a/"),
            ("/a//../b", "/b", "/b"),
            ("/x/..//a", "/a", "/a"),
            ("/a/./", "/a/", "/a/"),
            ("/%2e//a%20b", "/a%20b", "/a b"),
            ("/a/./b", "/a/b", "/a/b"),
            ("/a/../b", "/b", "/b"),
            ("/a/b/..", "/a/", "/a/"),
            ("/a/.", "/a/", "/a/"),
            ("/a/%2e%2E/b", "/b", "/b"),
            ("/caf%C3%A9", "/caf%C3%A9", "/café"),
            ("/a%20b", "/a%20b", "/a b"),
            ("/a.b/.c", "/a.b/.c", "/a.b/.c"),
            ("/.a;b/...;c/d;e", "/.a;b/...;c/d;e", "/.a;b/...;c/d;e"),
            ("/;jsessionid=1", "/;jsessionid=1", "/;jsessionid=1"),
        ] {
            let normal = NormalPath::of(path, Slashes::Merged).unwrap();
            assert_eq!((&*normal.encoded, &*normal.decoded), (encoded, decoded), "{path}");
        }
    }

    #[test]
    fn slashes_stay_where_they_are_wanted() {
        for (path, encoded) in [
            ("/a//b", "/a//b"),
            ("//", "//"),
            ("/a//../b", "/a/b"),
            ("/a/.//b", "/a//b"),
            ("//a%20b//", "//a%20b//"),
        ] {
            let normal = NormalPath::of(path, Slashes::Kept).unwrap();
            assert_eq!(&*normal.encoded, encoded, "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for (path, why) in [
            ("/a%2Fb", BadPath::EncodedDelimiter),
            ("/a%2fb", BadPath::EncodedDelimiter),
            ("/a%5cb", BadPath::EncodedDelimiter),
            ("/a\\b", BadPath::EncodedDelimiter),
            ("/a%00", BadPath::EncodedDelimiter),
            ("/a%", BadPath::BadEncoding),
            ("/a%4", BadPath::BadEncoding),
            ("/a%zz", BadPath::BadEncoding),
            ("/..", BadPath::AboveRoot),
            ("/a/../../b", BadPath::AboveRoot),
            ("/%2e%2e/b", BadPath::AboveRoot),
            ("/%ff", BadPath::NotText),
            ("/a/..;/b", BadPath::OnlyParameters),
            ("/a/.;x=1", BadPath::OnlyParameters),
            ("/a/%2e.%3Bx/b", BadPath::OnlyParameters),
            ("/;/admin", BadPath::OnlyParameters),
            ("/a/%3bx/admin", BadPath::OnlyParameters),
        ] {
            assert_eq!(NormalPath::of(path, Slashes::Merged), Err(why), "{path}");
            assert_eq!(NormalPath::of(path, Slashes::Kept), Err(why), "{path}");
        }
    }
}
