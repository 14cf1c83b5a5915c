//! What clients are told of their limits: response fields by
//! draft-ietf-httpapi-ratelimit-headers-11 (structured fields, RFC 9651), and the older
//! `X-RateLimit-*`. Nothing here knows the gateway.

use crate::{limit::Limit, rate::Rate};

/// One limit after a request was held against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading<'a> {
    pub(crate) limit: &'a Limit,
    pub(crate) allowed: bool,
    /// How much is left.
    pub(crate) remaining: u64,
    /// Until all of it is there again.
    pub(crate) reset_ms: u64,
    /// Until this request would be allowed.
    pub(crate) retry_after_ms: u64,
}

impl Reading<'_> {
    /// How long what is told of it holds. A refused client is to come back when it would be let in,
    /// which with a burst is long before all is there again; section 4 of the draft wants
    /// `Retry-After` not to be earlier than this.
    fn effective_ms(&self) -> u64 {
        if self.allowed { self.reset_ms } else { self.retry_after_ms }
    }
}

/// `RateLimit-Policy: "1m";q=100;w=60`
pub(crate) fn policy(readings: &[Reading<'_>]) -> String {
    list(readings, |field, reading| field.push_str(&reading.limit.told.policy))
}

/// `RateLimit: "1m";r=99;t=30`
pub(crate) fn state(readings: &[Reading<'_>]) -> String {
    list(readings, |field, reading| {
        field.push_str(&reading.limit.told.name);
        push_parameter(field, ";r=", reading.remaining);
        push_parameter(field, ";t=", seconds_up(reading.effective_ms()));
    })
}

/// One limit in `RateLimit-Policy`. A window below a second is left out, as it may be: there are whole seconds only, and a
/// client that goes by `"100ms";q=10;w=1` would take a tenth of what it may.
pub(crate) fn policy_of(name: &str, rate: Rate) -> String {
    let mut field = string(name);
    push_parameter(&mut field, ";q=", rate.amount);
    if rate.window.millis >= 1000 {
        push_parameter(&mut field, ";w=", seconds_up(rate.window.millis));
    }
    field
}

/// Printable ASCII as a string of a structured field.
pub(crate) fn string(text: &str) -> String {
    let mut field = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            field.push('\\');
        }
        field.push(character);
    }
    field.push('"');
    field
}

fn list(readings: &[Reading<'_>], member: impl Fn(&mut String, &Reading<'_>)) -> String {
    let mut field = String::with_capacity(48 * readings.len());
    for reading in readings {
        if !field.is_empty() {
            field.push_str(", ");
        }
        member(&mut field, reading);
    }
    field
}

fn push_parameter(field: &mut String, name: &str, value: u64) {
    field.push_str(name);
    field.push_str(itoa::Buffer::new().format(value));
}

/// The limit that bites first: one that refused and takes longest, or the one with the least left.
/// The older fields can tell of one only.
pub(crate) fn tightest<'a, 'l>(readings: &'a [Reading<'l>]) -> Option<&'a Reading<'l>> {
    readings.iter().min_by_key(|reading| {
        (reading.allowed, std::cmp::Reverse(reading.retry_after_ms), reading.remaining)
    })
}

/// What `X-RateLimit-Reset` is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetFrom {
    /// The response: a number of seconds.
    Now,
    /// 1970: a moment, where `now_ms` is the present one.
    Epoch { now_ms: u64 },
}

/// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`.
pub(crate) fn legacy(reading: &Reading<'_>, from: ResetFrom) -> [String; 3] {
    let reset = match from {
        ResetFrom::Now => seconds_up(reading.effective_ms()),
        ResetFrom::Epoch { now_ms } => seconds_up(now_ms.saturating_add(reading.effective_ms())),
    };
    [reading.limit.rate.amount.to_string(), reading.remaining.to_string(), reset.to_string()]
}

/// Seconds until all refusing limits would let the request in; at least 1, for 0 means at once.
pub(crate) fn retry_after(readings: &[Reading<'_>]) -> u64 {
    let longest = readings.iter().map(|reading| reading.retry_after_ms).max().unwrap_or(0);
    seconds_up(longest).max(1)
}

/// Rounded up: a client that waits this long must not come a moment too early.
fn seconds_up(millis: u64) -> u64 {
    millis.div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limit::Counting,
        name::Name,
        rate::{MAX_AMOUNT, Window},
    };

    /// (A few for each test: they may stay.)
    fn limit(name: &str, amount: u64, millis: u64) -> &'static Limit {
        let name = Name::try_from(name.to_owned()).unwrap();
        let rate = Rate { amount, window: Window { millis } };
        Box::leak(Box::new(Limit::of(name, rate, Counting::FixedWindow)))
    }

    fn reading(name: &str, remaining: u64, retry_after_ms: u64) -> Reading<'static> {
        let limit = limit(name, 100, 60_000);
        let allowed = retry_after_ms == 0;
        Reading { limit, allowed, remaining, reset_ms: 29_001, retry_after_ms }
    }

    #[test]
    fn the_fields_of_the_draft() {
        let readings = [reading("1m", 50, 0), reading("daily", 7, 0)];
        assert_eq!(policy(&readings[..1]), r#""1m";q=100;w=60"#);
        assert_eq!(policy(&readings), r#""1m";q=100;w=60, "daily";q=100;w=60"#);
        assert_eq!(state(&readings), r#""1m";r=50;t=30, "daily";r=7;t=30"#);
    }

    #[test]
    fn strings_are_escaped() {
        let readings = [reading(r#"a"b\c"#, 1, 0)];
        assert_eq!(state(&readings), r#""a\"b\\c";r=1;t=30"#);
    }

    #[test]
    fn windows_are_told_longer_never_shorter_and_not_at_all_below_a_second() {
        let short = Reading { limit: limit("s", 100, 100), ..reading("s", 1, 0) };
        assert_eq!(policy(&[short]), r#""s";q=100"#);
        let second = Reading { limit: limit("s", 100, 1000), ..reading("s", 1, 0) };
        assert_eq!(policy(&[second]), r#""s";q=100;w=1"#);
        let odd = Reading { limit: limit("s", 100, 1500), ..reading("s", 1, 0) };
        assert_eq!(policy(&[odd]), r#""s";q=100;w=2"#);
    }

    #[test]
    fn a_refused_client_is_told_when_to_come_back() {
        let readings = [reading("1m", 0, 1200), reading("1h", 9, 0), reading("1d", 0, 7000)];
        assert_eq!(retry_after(&readings), 7);
        assert_eq!(state(&readings), r#""1m";r=0;t=2, "1h";r=9;t=30, "1d";r=0;t=7"#);
        assert_eq!(retry_after(&[reading("1m", 0, 1)]), 1);
    }

    #[test]
    fn the_older_fields_tell_of_the_limit_that_bites_first() {
        let readings = [reading("a", 5, 0), reading("b", 3, 0), reading("c", 9, 0)];
        let tightest = |readings| super::tightest(readings).unwrap();
        assert_eq!(tightest(&readings).limit.name.as_str(), "b");
        assert_eq!(legacy(tightest(&readings), ResetFrom::Now), ["100", "3", "30"]);
        let epoch = ResetFrom::Epoch { now_ms: 1_800_000_000_000 };
        assert_eq!(legacy(tightest(&readings), epoch)[2], "1800000030");

        let refused = [reading("a", 0, 0), reading("b", 1, 10), reading("c", 2, 20)];
        assert_eq!(tightest(&refused).limit.name.as_str(), "c");
        assert!(super::tightest(&[]).is_none());
    }

    /// Whatever a limit is called, another implementation reads its name and numbers back.
    #[test]
    fn structured_fields_can_be_read() {
        use proptest::prelude::*;
        use sfv::{BareItem, ListEntry, Parser};

        let integer = |item: &sfv::Item, name: &str| match item.params.get(name) {
            Some(BareItem::Integer(value)) => i64::from(*value),
            other => panic!("{name}: {other:?}"),
        };
        let names = proptest::collection::vec("[ -~]{1,64}", 1..4);
        proptest!(|(names in names, amount in 1..=MAX_AMOUNT, remaining in 0..=MAX_AMOUNT)| {
            let one = |name: &String| {
                Reading { limit: limit(name, amount, 60_000), ..reading(name, remaining, 0) }
            };
            let readings: Vec<_> = names.iter().map(one).collect();
            for (field, parameter, expected) in
                [(policy(&readings), "q", amount), (state(&readings), "r", remaining)]
            {
                let list: sfv::List = Parser::new(&field).parse().expect("a list");
                prop_assert_eq!(list.len(), names.len());
                for (entry, name) in list.iter().zip(&names) {
                    let ListEntry::Item(item) = entry else { panic!("{entry:?}") };
                    prop_assert_eq!(item.bare_item.as_string().unwrap().as_str(), name);
                    prop_assert_eq!(integer(item, parameter), expected as i64);
                }
            }
        });
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let reading = Reading { reset_ms: u64::MAX, ..reading("1m", u64::MAX, 0) };
        let epoch = ResetFrom::Epoch { now_ms: u64::MAX };
        assert_eq!(legacy(&reading, epoch)[2], "18446744073709552");
        assert!(state(&[reading]).ends_with(";t=18446744073709552"));
    }
}
