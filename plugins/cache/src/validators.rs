//! Whether a client has a response already (RFC 9110, 13; RFC 9111, 4.3). Nothing here knows the gateway.

use serde::{Deserialize, Serialize};

use crate::{fields::Fields, freshness::unix_seconds};

/// What a request asks under a condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conditions {
    /// The lines of `If-None-Match`.
    pub(crate) if_none_match: Vec<String>,
    pub(crate) if_modified_since: Option<String>,
}

impl Conditions {
    /// Whether the client has what is stored, so that 304 tells it all. `received` is when that came, in seconds
    /// since 1970.
    pub(crate) fn are_met_by(&self, stored: &Fields, received: u64) -> bool {
        if !self.if_none_match.is_empty() {
            // The other one does not count beside it (RFC 9110, 13.2.2).
            return self.if_none_match.iter().any(|line| names_tag(line, stored.only("etag")));
        }
        let since = self.if_modified_since.as_deref().and_then(unix_seconds);
        // Without a date of change the response's own stands for it (RFC 9111, 4.3.2).
        let changed = stored.only("last-modified").or_else(|| stored.only("date"));
        let changed = changed.map_or(Some(received), unix_seconds);
        since.zip(changed).is_some_and(|(since, changed)| changed <= since)
    }
}

/// Whether a list of tags has one that is weakly the same (RFC 9110, 8.8.3.2), or `*`.
fn names_tag(line: &str, tag: Option<&str>) -> bool {
    line.trim_ascii() == "*"
        || tag.is_some_and(|tag| tags(line).any(|one| opaque(one) == opaque(tag)))
}

/// The tags of a list; commas may stand in them.
fn tags(line: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let split = line.split(move |c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    split.map(str::trim_ascii).filter(|tag| !tag.is_empty())
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Whether a tag says that two responses are the same to the byte.
pub(crate) fn is_strong(tag: &str) -> bool {
    tag.starts_with('"')
}

/// Whether a stored response can be asked for again under a condition.
pub(crate) fn has_validator(stored: &Fields) -> bool {
    stored.only("etag").is_some() || stored.only("last-modified").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn has(if_none_match: &[&str], since: Option<&str>, stored: &[(&str, &str)]) -> bool {
        let if_none_match = if_none_match.iter().map(|&line| line.to_owned()).collect();
        let if_modified_since = since.map(str::to_owned);
        let stored: Fields = stored.iter().copied().collect();
        Conditions { if_none_match, if_modified_since }.are_met_by(&stored, 784_111_777)
    }

    #[test]
    fn tags_are_compared_weakly() {
        for (asked, stored, expected) in [
            (&["\"a\""][..], "\"a\"", true),
            (&["W/\"a\""], "\"a\"", true),
            (&["\"a\""], "W/\"a\"", true),
            (&["\"b\", \"a,b\""], "\"a,b\"", true),
            (&["\"b\"", "\"a\""], "\"a\"", true),
            (&["*"], "\"a\"", true),
            (&["\"b\""], "\"a\"", false),
            (&["\"a"], "\"a\"", false),
            (&["a"], "a", true),
        ] {
            assert_eq!(has(asked, None, &[("etag", stored)]), expected, "{asked:?} {stored}");
        }
        assert!(!has(&["\"a\""], None, &[]));
    }

    #[test]
    fn dates_count_where_there_are_no_tags() {
        let stored = [("last-modified", CHANGED)];
        assert!(has(&[], Some(CHANGED), &stored) && has(&[], Some(LATER), &stored));
        assert!(!has(&[], Some(EARLIER), &stored) && !has(&[], Some("x"), &stored));
        assert!(!has(&["\"b\""], Some(LATER), &stored), "a tag beside it decides");
        assert!(!has(&[], None, &stored));
    }

    #[test]
    fn without_a_date_of_change_its_own_counts() {
        assert!(has(&[], Some(CHANGED), &[("date", CHANGED)]));
        assert!(!has(&[], Some(EARLIER), &[("date", CHANGED)]));
        assert!(has(&[], Some(CHANGED), &[]) && !has(&[], Some(EARLIER), &[]), "when it came");
        assert!(!has(&[], Some(LATER), &[("last-modified", "yesterday")]));
    }
}
