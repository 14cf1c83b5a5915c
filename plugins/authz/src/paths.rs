//! Paths, and patterns that they fit. Nothing here knows the gateway.
//!
//! A gateway and the service behind it may read one path differently: `//admin`, `/Admin`,
//! `/admin/`, `/admin;x` and `/%61dmin` are `/admin` to some. So that nothing is won by that, a
//! rule that allows takes a path exactly, and a rule that denies takes it in every reading.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::expression::glob;

/// `/orders/{id}`, `/files/*.pdf`, `/internal/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathPattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    /// `*` in it stands for any letters of this segment.
    Glob(String),
    /// One whole segment, not empty.
    Any,
    /// At the end: all that follows, or nothing.
    Rest,
}

impl PathPattern {
    /// Whether the path fits as it is. It is decoded, as [`decoded`] does it.
    pub(crate) fn fits(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else { return false };
        let mut segments = path.split('/');
        match self.0.split_last() {
            // There is a slash before the rest, but there may be nothing after it.
            Some((Segment::Rest, before)) => {
                starts(before, &mut segments) && segments.next().is_some()
            }
            _ => starts(&self.0, &mut segments) && segments.next().is_none(),
        }
    }

    /// Whether the path fits in some reading of it.
    pub(crate) fn fits_loosely(&self, path: &str) -> bool {
        let path = loosened(path);
        let is_there = |segment: &&Segment| **segment != Segment::Text(String::new());
        let pattern: Vec<_> = self.0.iter().filter(is_there).map(Segment::lower).collect();
        let mut segments = path.iter().map(String::as_str);
        match pattern.split_last() {
            Some((Segment::Rest, before)) => starts(before, &mut segments),
            _ => starts(&pattern, &mut segments) && segments.next().is_none(),
        }
    }
}

/// Whether the first segments fit, which are taken.
fn starts<'a>(pattern: &[Segment], path: &mut impl Iterator<Item = &'a str>) -> bool {
    pattern.iter().all(|segment| path.next().is_some_and(|text| segment.fits(text)))
}

impl Segment {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Text(wanted) => text == wanted,
            Self::Glob(pattern) => glob::matches(text, pattern),
            Self::Any => !text.is_empty(),
            Self::Rest => true,
        }
    }

    fn lower(&self) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.to_lowercase()),
            Self::Glob(pattern) => Self::Glob(pattern.to_lowercase()),
            other => other.clone(),
        }
    }
}

/// The path, decoded once, as routes see it.
///
/// What the host never lets through is an error here too: `%2F`, `%5C`, `%00`, dot segments and
/// what is not UTF-8. A plugin before this one may have set the path.
pub(crate) fn decoded(path: &str) -> Result<String, &'static str> {
    let text = percent_decode_str(path).decode_utf8().map_err(|_| "the path is not UTF-8")?;
    // An encoded slash would make a segment of what is none.
    let slashes = |text: &str| text.matches('/').count();
    if text.contains(['\\', '\0']) || slashes(&text) != slashes(path) {
        return Err("the path has an encoded slash, a backslash or a null");
    }
    if text.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("the path has dot segments");
    }
    Ok(text.into_owned())
}

/// More rounds of decoding than any service makes.
const ROUNDS: usize = 4;

/// The segments as the most careless reader takes them: decoded again and again, backslashes for
/// slashes, without empty segments, dots and `;parameters`, in lower case.
fn loosened(path: &str) -> Vec<String> {
    let mut text = Cow::Borrowed(path);
    for _ in 0..ROUNDS {
        let again = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if again == text {
            break;
        }
        text = Cow::Owned(again);
    }
    let mut segments = Vec::new();
    for segment in text.split(['/', '\\']) {
        let end = segment.find([';', '\0']).unwrap_or(segment.len());
        match &segment[..end] {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name.to_lowercase()),
        }
    }
    segments
}

impl TryFrom<String> for PathPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(format!("a path begins with a slash: write \"/{text}\""));
        };
        if text.contains(['?', '#']) {
            return Err(
                "a path ends before `?`: ask for parameters in `when`, as query.NAME".into()
            );
        }
        if percent_decode_str(&text).decode_utf8_lossy() != text {
            return Err("write the path decoded, as people read it: paths are compared so".into());
        }
        let last = path.split('/').count();
        let segments = path.split('/').enumerate();
        segments
            .map(|(index, text)| segment(text, index + 1 == last))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn segment(text: &str, is_last: bool) -> Result<Segment, String> {
    let named = text.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    Ok(match (text, named) {
        ("*", _) if is_last => Segment::Rest,
        ("*", _) => Segment::Any,
        ("." | "..", _) => return Err("no path has dot segments: the host resolves them".into()),
        (_, Some(name)) if name.starts_with('*') && is_last => Segment::Rest,
        (_, Some(name)) if name.starts_with('*') => {
            return Err(format!("`{{{name}}}` takes the rest, so it stands at the end"));
        }
        (_, Some(name)) if !name.contains(['{', '}']) => Segment::Any,
        _ if text.contains(['{', '}']) => {
            return Err(format!("`{text}`: braces take a whole segment, like /{{id}}/"));
        }
        _ if text.contains('*') => Segment::Glob(text.into()),
        _ => Segment::Text(text.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Result<PathPattern, String> {
        PathPattern::try_from(text.to_owned())
    }

    fn loosely(text: &str, path: &str) -> bool {
        pattern(text).unwrap().fits_loosely(path)
    }

    #[test]
    fn a_path_fits_segment_by_segment() {
        for (text, path) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("/a/{id}", "/a/7"),
            ("/a/*/c", "/a/b/c"),
            ("/a/*", "/a/"),
            ("/a/*", "/a/b"),
            ("/a/*", "/a/b/c"),
            ("/a/{*rest}", "/a/b/c"),
            ("/*", "/"),
            ("/*", "//x"),
            ("/a/*.pdf", "/a/x.pdf"),
            ("/a b/ü", "/a b/ü"),
        ] {
            assert!(pattern(text).unwrap().fits(path), "{text} {path}");
        }
        for (text, path) in [
            ("/", ""),
            ("/a", "/a/"),
            ("/a", "/A"),
            ("/a", "//a"),
            ("/a", "/a;x"),
            ("/a/", "/a"),
            ("/a/{id}", "/a/"),
            ("/a/{id}", "/a/b/c"),
            ("/a/*/c", "/a//c"),
            ("/a/*", "/a"),
            ("/a/*", "/ab"),
            ("/a/*.pdf", "/a/b/x.pdf"),
        ] {
            assert!(!pattern(text).unwrap().fits(path), "{text} {path}");
        }
    }

    #[test]
    fn a_path_fits_loosely_however_it_is_read() {
        for path in [
            "/admin",
            "/admin/",
            "//admin",
            "/Admin",
            "/ADMIN//",
            "/admin;a=b",
            "/;x/admin",
            "/%61dmin",
            "/%2561dmin",
            "/x/..%2fadmin",
            "/x/%2e%2e/admin",
            "\\admin",
            "/./admin",
            "/admin\0.png",
        ] {
            assert!(loosely("/admin", path), "{path}");
        }
        for path in ["/admin", "/admin/", "/admin/x", "//admin//x", "/a/../admin/x/y"] {
            assert!(loosely("/admin/*", path), "{path}");
        }
        assert!(loosely("/Admin/{id}", "/admin/7/"));
        assert!(loosely("/", "//"));
        for (text, path) in [
            ("/admin", "/"),
            ("/admin", "/admins"),
            ("/admin", "/x/admin"),
            ("/admin/{id}", "/admin"),
            ("/admin/*", "/administrator"),
        ] {
            assert!(!loosely(text, path), "{text} {path}");
        }
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(decoded("/a%20b/%C3%BC").unwrap(), "/a b/ü");
        assert_eq!(decoded("/%2561").unwrap(), "/%61");
        for path in ["/a%2Fb", "/a%5cb", "/a\\b", "/a%00", "/%ff", "/a/../b", "/a/%2e%2E/b", "/."] {
            assert!(decoded(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_pattern_is_checked() {
        for (text, part) in [
            ("a", "write \"/a\""),
            ("", "write \"/\""),
            ("/a?b=1", "a path ends before `?`"),
            ("/a%20b", "write the path decoded"),
            ("/a/../b", "no path has dot segments"),
            ("/{*rest}/a", "stands at the end"),
            ("/a{id}", "braces take a whole segment"),
            ("/{a{b}}", "braces take a whole segment"),
        ] {
            let message = pattern(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
