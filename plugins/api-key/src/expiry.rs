//! Until when a key is good. Nothing here knows the gateway.

use std::fmt;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment, to the millisecond, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Since 1970-01-01T00:00Z. A moment before that is long past all the same.
    unix_millis: u64,
    text: String,
}

const DAY: u64 = 24 * 60 * 60 * 1000;

impl Moment {
    /// Whether it has come.
    pub(crate) fn is_past(&self, now: u64) -> bool {
        now >= self.unix_millis
    }

    /// How many full days are left.
    pub(crate) fn days_left(&self, now: u64) -> u64 {
        self.unix_millis.saturating_sub(now) / DAY
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let Ok(moment) = OffsetDateTime::parse(&text, &Rfc3339) else {
            return Err(format!(
                "`{text}` is no moment as RFC 3339 has it: write \"2027-01-31T00:00:00Z\", with \
                 the time and the offset"
            ));
        };
        let unix_millis = moment.unix_timestamp_nanos() / 1_000_000;
        Ok(Self { unix_millis: u64::try_from(unix_millis).unwrap_or_default(), text })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Result<Moment, String> {
        Moment::try_from(text.to_owned())
    }

    #[test]
    fn a_moment_has_an_offset() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2027-01-15T08:00:00Z", 1_800_000_000_000),
            ("2027-01-15T09:00:00.5+01:00", 1_800_000_000_500),
            ("1969-12-31T23:59:59Z", 0),
        ] {
            assert_eq!(moment(text).unwrap().unix_millis, millis, "{text}");
        }
        for wrong in ["", "2027-01-15", "2027-01-15T08:00:00", "2027-02-30T00:00:00Z", "tomorrow"] {
            assert!(moment(wrong).unwrap_err().contains("RFC 3339"), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_past_when_it_has_come() {
        let moment = moment("2027-01-15T08:00:00Z").unwrap();
        assert!(!moment.is_past(1_799_999_999_999));
        assert!(moment.is_past(1_800_000_000_000));
        assert_eq!(moment.days_left(1_800_000_000_000 - 2 * DAY - 1), 2);
        assert_eq!(moment.days_left(1_800_000_000_001), 0);
    }
}
