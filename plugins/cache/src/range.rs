//! One part of a stored body (RFC 9110, 14.2). Nothing here knows the gateway.

use crate::{fields::Fields, validators::is_strong};

/// The bytes that a request asks for, first and last. None where it gets all of them: it asks for none, for several
/// parts, or for what is not there, and whoever asks for parts takes the whole, too.
pub(crate) fn asked(range: &str, length: u64) -> Option<(u64, u64)> {
    let (unit, part) = range.split_once('=')?;
    let (first, last) = part.trim_ascii().split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") || length == 0 {
        return None;
    }
    let end = length - 1;
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last && first <= end => Some((first, last.min(end))),
        (Some(first), None) if last.is_empty() && first <= end => Some((first, end)),
        (None, Some(count)) if first.is_empty() && count > 0 => {
            Some((length.saturating_sub(count), end))
        }
        _ => None,
    }
}

/// Whether the part is of the response that the client has the rest of (RFC 9110, 13.1.5).
pub(crate) fn is_of(stored: &Fields, if_range: &str) -> bool {
    match stored.only("etag") {
        Some(tag) if if_range.contains('"') => is_strong(tag) && tag == if_range,
        _ => stored.only("last-modified").is_some_and(|changed| changed == if_range),
    }
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_part_is_given() {
        for (range, expected) in [
            ("bytes=0-1", Some((0, 1))),
            ("BYTES=2-", Some((2, 9))),
            ("bytes=-3", Some((7, 9))),
            ("bytes=-30", Some((0, 9))),
            ("bytes=5-99999999999999999999", Some((5, 9))),
            ("bytes=9-9", Some((9, 9))),
            ("bytes=10-", None),
            ("bytes=3-2", None),
            ("bytes=-0", None),
            ("bytes=-", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("lines=0-1", None),
            ("bytes", None),
        ] {
            assert_eq!(asked(range, 10), expected, "{range}");
        }
        assert_eq!(asked("bytes=0-", 0), None);
    }

    #[test]
    fn a_part_fits_only_what_is_the_same_to_the_byte() {
        let stored =
            |tag| -> Fields { [("etag", tag), ("last-modified", "then")].into_iter().collect() };
        assert!(is_of(&stored("\"a\""), "\"a\"") && is_of(&stored("\"a\""), "then"));
        assert!(!is_of(&stored("\"a\""), "\"b\"") && !is_of(&stored("\"a\""), "now"));
        assert!(!is_of(&stored("W/\"a\""), "W/\"a\""));
    }

    proptest! {
        #[test]
        fn a_part_is_in_the_body(range in "(bytes=)?[0-9, -]{0,12}", length in 0_u64..40) {
            if let Some((first, last)) = asked(&range, length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
