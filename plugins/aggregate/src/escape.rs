//! Values on their way into a path, a query or a header: nothing that they hold can become syntax.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All that is not unreserved (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value for a path or a query.
pub(crate) fn percent(value: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(value, ESCAPED)
}

/// Why a value cannot stand in a path, if it cannot.
///
/// Escaping alone is not enough there. Many servers decode `%2F` and `%2E` before they resolve dot
/// segments, so what would climb after that is refused; and without a value the path names another
/// resource, mostly the whole collection.
pub(crate) fn wrong_in_path(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        Some("is empty")
    } else if value.chars().any(char::is_control) {
        Some("has control characters")
    } else if climbs(value) {
        Some("would lead to another path")
    } else {
        None
    }
}

/// Why a text cannot be a header's value, if it cannot (RFC 9110, 5.5).
pub(crate) fn wrong_in_header(value: &str) -> Option<&'static str> {
    let is_control = |byte: u8| byte < b' ' && byte != b'\t' || byte == 0x7f;
    value.bytes().any(is_control).then_some("has control characters")
}

/// Whether a path or a value has a segment of dots, which servers resolve; some decode it before.
pub(crate) fn climbs(path: &str) -> bool {
    has_dots(path) || has_dots(&percent_decode_str(path).decode_utf8_lossy())
}

fn has_dots(path: &str) -> bool {
    path.split(['/', '\\']).map(without_parameters).any(|segment| matches!(segment, "." | ".."))
}

/// `..;a=b` is `..` for servers that know path parameters (RFC 3986, 3.3).
fn without_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

/// Whether a text is a method's name (RFC 9110, 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_legal)
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    fn escaped(value: &str) -> String {
        percent(value).collect()
    }

    #[test]
    fn syntax_is_escaped() {
        assert_eq!(escaped("a b/c?d#e&f=g+h%i"), "a%20b%2Fc%3Fd%23e%26f%3Dg%2Bh%25i");
        assert_eq!(escaped("ä\r\n\"'<>"), "%C3%A4%0D%0A%22%27%3C%3E");
        assert_eq!(escaped("Az09-._~"), "Az09-._~");
    }

    #[test]
    fn what_would_climb_is_refused() {
        for value in
            ["..", ".", "../a", "a/..", "..\\a", "%2e%2E", ".%2e/a", "..;x", "a/./b", "..%2fa"]
        {
            assert_eq!(wrong_in_path(value), Some("would lead to another path"), "{value}");
        }
        for value in ["...", "a..b", ".a", "a.", "1.10", "a/b", "%2f"] {
            assert_eq!(wrong_in_path(value), None, "{value}");
        }
        assert_eq!(wrong_in_path(""), Some("is empty"));
        assert_eq!(wrong_in_path("a\0"), Some("has control characters"));
        assert_eq!(wrong_in_path("a\r\nb"), Some("has control characters"));
    }

    #[test]
    fn a_header_value_is_one_line() {
        assert_eq!(wrong_in_header("ü a\tb"), None);
        for value in ["a\r\nb: c", "a\nb", "a\0", "\u{7f}"] {
            assert!(wrong_in_header(value).is_some(), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn an_escaped_value_is_one_piece_and_comes_back(value in any::<String>()) {
            let escaped = escaped(&value);
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
            prop_assert!(escaped.bytes().all(is_plain));
            prop_assert_eq!(percent_decode_str(&escaped).decode_utf8().unwrap(), value);
        }

        #[test]
        fn a_value_in_a_path_stays_in_its_segment(value in r"[./\\%2eE;a]{0,12}") {
            prop_assume!(wrong_in_path(&value).is_none());
            let path = format!("/a/{}/b", escaped(&value));
            prop_assert_eq!(path.split('/').count(), 4);
            // As a server that decodes first, and once more, would resolve it.
            let once = percent_decode_str(&path).decode_utf8_lossy().into_owned();
            prop_assert!(!climbs(&once), "{}", once);
        }
    }
}
