//! How long a response is fresh, and how old it is (RFC 9111, 4.2). Nothing here knows the gateway.

use std::time::{Duration, SystemTime};

use crate::{
    directives::{FOREVER, OfResponse, seconds},
    fields::Fields,
};

/// A tenth of the time without a change is guessed to go on without one (RFC 9111, 4.2.2).
const GUESSED_PART: u64 = 10;

/// What the service says, in seconds; none where it says nothing. `received` is in seconds since 1970.
pub(crate) fn said(fields: &Fields, directives: &OfResponse, received: u64) -> Option<u64> {
    let explicit = directives.s_maxage.or(directives.max_age);
    explicit.or_else(|| expiry(fields, received))
}

/// By `Expires`. What is no date, or said twice, has expired (RFC 9111, 5.3).
fn expiry(fields: &Fields, received: u64) -> Option<u64> {
    if !fields.has("expires") {
        return None;
    }
    let expires = fields.only("expires").and_then(unix_seconds);
    Some(expires.map_or(0, |at| at.saturating_sub(date(fields, received)).min(FOREVER)))
}

/// What may be guessed of a document that has not changed for long; at most `most` seconds.
pub(crate) fn guessed(fields: &Fields, received: u64, most: u64) -> Option<u64> {
    let changed = unix_seconds(fields.only("last-modified")?)?;
    let unchanged = date(fields, received).checked_sub(changed)?;
    Some((unchanged / GUESSED_PART).min(most))
}

/// The age of a response when it came, in milliseconds (RFC 9111, 4.2.3). The times are in milliseconds since 1970.
pub(crate) fn age_at_arrival(fields: &Fields, asked: u64, received: u64) -> u64 {
    let made = date(fields, received / 1000).saturating_mul(1000);
    let apparent = received.saturating_sub(made);
    let told = (told_age(fields) * 1000).saturating_add(received.saturating_sub(asked));
    // There are no fractions of a second in `Date`: less than one of them is no age.
    if apparent < 1000 { told } else { apparent.max(told) }
}

/// What `Age` says, in seconds. What is no number, or stands there more than once, makes a response as old as can be:
/// it was in a cache for who knows how long. (RFC 9111, 5.1, lets a reader take the first of several.)
fn told_age(fields: &Fields) -> u64 {
    let mut ages = fields.all("age").flat_map(|line| line.split(',')).map(str::trim_ascii);
    let Some(first) = ages.next() else { return 0 };
    match (seconds(first), ages.next()) {
        (Some(age), None) => age,
        _ => FOREVER,
    }
}

/// When the response was made, in seconds since 1970: by `Date`, or when it came where there is none that can be read.
fn date(fields: &Fields, received: u64) -> u64 {
    fields.only("date").and_then(unix_seconds).unwrap_or(received)
}

/// A date of HTTP (RFC 9110, 5.6.7), in seconds since 1970.
pub(crate) fn unix_seconds(text: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(text).ok()?;
    date.duration_since(SystemTime::UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const NOW: u64 = 784_111_777;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        lines.iter().copied().collect()
    }

    fn lifetime(lines: &[(&str, &str)]) -> Option<u64> {
        let fields = fields(lines);
        let lines: Vec<_> = fields.all("cache-control").map(str::to_owned).collect();
        said(&fields, &OfResponse::read(&lines), NOW)
    }

    #[test]
    fn the_most_telling_word_counts() {
        let expires = ("expires", "Sun, 06 Nov 1994 08:50:37 GMT");
        assert_eq!(lifetime(&[]), None);
        assert_eq!(lifetime(&[expires]), Some(60));
        assert_eq!(lifetime(&[expires, ("cache-control", "max-age=5")]), Some(5));
        let both = ("cache-control", "max-age=5, s-maxage=7");
        assert_eq!(lifetime(&[expires, both]), Some(7));
    }

    #[test]
    fn what_cannot_be_read_has_expired() {
        let good = ("expires", "Sun, 06 Nov 1994 08:50:37 GMT");
        for expires in ["0", "", "tomorrow", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            assert_eq!(lifetime(&[("expires", expires)]), Some(0), "{expires}");
        }
        assert_eq!(lifetime(&[good, good]), Some(0), "said twice");
    }

    #[test]
    fn a_lifetime_is_counted_from_when_the_response_was_made() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:07 GMT");
        assert_eq!(lifetime(&[date, ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")]), Some(90));
    }

    #[test]
    fn a_tenth_of_the_time_without_change_is_guessed() {
        let changed = |at| guessed(&fields(&[("last-modified", at)]), NOW, 100);
        assert_eq!(changed("Sun, 06 Nov 1994 08:49:07 GMT"), Some(3));
        assert_eq!(changed("Sun, 06 Nov 1994 07:49:37 GMT"), Some(100), "not more than allowed");
        assert_eq!(changed("Sun, 06 Nov 1994 08:50:07 GMT"), None, "in times to come");
        assert_eq!(changed("yesterday"), None);
        assert_eq!(guessed(&fields(&[]), NOW, 100), None);
    }

    #[test]
    fn the_older_of_what_is_told_and_what_is_seen_counts() {
        let age = |lines: &[_]| age_at_arrival(&fields(lines), NOW * 1000, NOW * 1000 + 500);
        assert_eq!(age(&[]), 500, "it took so long");
        assert_eq!(age(&[("age", "30")]), 30_500);
        let date = ("date", "Sun, 06 Nov 1994 08:48:37 GMT");
        assert_eq!(age(&[date]), 60_500);
        assert_eq!(age(&[date, ("age", "90")]), 90_500);
        assert_eq!(age(&[("date", "Sun, 06 Nov 1994 08:59:37 GMT")]), 500, "a clock that is fast");
    }

    #[test]
    fn an_age_that_cannot_be_read_is_a_great_one() {
        for told in ["x", "-1", "7200.0", "7200;a", "", "0, 0", "3600, 3600"] {
            let age = age_at_arrival(&fields(&[("age", told)]), 0, 0);
            assert_eq!(age, FOREVER * 1000, "{told}");
        }
        let age = age_at_arrival(&fields(&[("age", "0"), ("age", "7")]), 0, 0);
        assert_eq!(age, FOREVER * 1000, "said twice");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_arithmetic(
            age in ".{0,24}", date in ".{0,40}", expires in ".{0,40}", asked: u64, received: u64,
        ) {
            let fields = fields(&[("age", &age), ("date", &date), ("expires", &expires)]);
            age_at_arrival(&fields, asked, received);
            prop_assert!(said(&fields, &OfResponse::default(), received) <= Some(FOREVER));
        }
    }
}
