//! `"100/1m"`: how much in which time. Nothing here knows the gateway.

use std::fmt;

/// Units of time and their lengths in milliseconds, the longest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// What people write for them.
const SPELLED_OUT: [(&str, &str); 18] = [
    ("day", "d"),
    ("days", "d"),
    ("hour", "h"),
    ("hours", "h"),
    ("hr", "h"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("millisecond", "ms"),
    ("milliseconds", "ms"),
    ("w", "7d"),
];

/// Ten years; the host takes no longer windows.
pub(crate) const MAX_WINDOW_MS: u64 = 10 * 366 * 86_400_000;
/// The largest integer of a structured field (RFC 9651, 3.3.1), for the limit is told in one.
pub(crate) const MAX_AMOUNT: u64 = 999_999_999_999_999;

/// An amount in each window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// At least 1.
    pub(crate) amount: u64,
    pub(crate) window: Window,
}

/// A time of at least one millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) millis: u64,
}

impl Rate {
    /// Reads `100/1m`. `10/s` is short for `10/1s`. The error says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some((amount, window)) = text.split_once('/') else {
            return Err(format!(
                "`{text}` is not a limit: write how much in which time, like \"100/1m\" or \
                 \"10/1s\""
            ));
        };
        let (amount, window) = (amount.trim(), window.trim());
        let wrong = |why: String| format!("`{text}` is not a limit: {why}");
        Ok(Self {
            amount: self::amount(amount).map_err(wrong)?,
            window: Window::parse(window).map_err(wrong)?,
        })
    }
}

fn amount(digits: &str) -> Result<u64, String> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("write a whole number before the slash, not `{digits}`"));
    }
    match digits.parse() {
        Ok(0) => Err("0 would let nobody in; write at least 1".into()),
        Ok(amount) if amount <= MAX_AMOUNT => Ok(amount),
        _ => Err(format!("`{digits}` is too large; write at most {MAX_AMOUNT}")),
    }
}

impl Window {
    fn parse(text: &str) -> Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(unknown_unit(number, unit));
        };
        let number = if number.is_empty() { Ok(1) } else { number.parse::<u64>() };
        let millis = number.ok().and_then(|number| number.checked_mul(*scale));
        match millis {
            Some(0) => Err("a window of no time is none; write one like `1s`".into()),
            Some(millis) if millis <= MAX_WINDOW_MS => Ok(Self { millis }),
            _ => Err(format!("a window of `{text}` is too long; ten years are the most")),
        }
    }
}

fn unknown_unit(number: &str, unit: &str) -> String {
    let lower = unit.to_ascii_lowercase();
    let number = if number.is_empty() { "1" } else { number };
    match SPELLED_OUT.iter().find(|(spelled, _)| *spelled == lower) {
        Some((_, "7d")) => "there are no weeks; write `7d`".into(),
        Some((_, short)) => format!("write `{number}{short}` for the time"),
        None if unit.is_empty() => "write a unit after the time: ms, s, m, h or d".into(),
        None => format!("`{unit}` is no unit of time; there are ms, s, m, h and d, as in `1m`"),
    }
}

/// `1m`: in the longest unit that gives a whole number, so that `60s` and `1m` are named alike.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, scale): &&(&str, u64)| self.millis.is_multiple_of(*scale);
        let (unit, scale) = UNITS.iter().find(fits).unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", self.millis / scale)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.amount, self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (u64, u64) {
        let rate = Rate::parse(text).unwrap();
        (rate.amount, rate.window.millis)
    }

    fn wrong(text: &str) -> String {
        Rate::parse(text).unwrap_err()
    }

    #[test]
    fn an_amount_in_a_time() {
        assert_eq!(read("100/1m"), (100, 60_000));
        assert_eq!(read("1/250ms"), (1, 250));
        assert_eq!(read("10/s"), (10, 1000));
        assert_eq!(read(" 5 / 2 h "), (5, 7_200_000));
        assert_eq!(read("000001/3660d"), (1, MAX_WINDOW_MS));
        assert_eq!(read("999999999999999/1d").0, MAX_AMOUNT);
    }

    #[test]
    fn a_window_has_one_name() {
        for (text, name) in [
            ("1/60s", "1m"),
            ("1/90s", "90s"),
            ("1/1500ms", "1500ms"),
            ("1/24h", "1d"),
            ("1/36h", "36h"),
            ("1/7d", "7d"),
        ] {
            assert_eq!(Rate::parse(text).unwrap().window.to_string(), name);
        }
        assert_eq!(Rate::parse("5/60000ms").unwrap().to_string(), "5/1m");
    }

    #[test]
    fn what_is_read_is_written_back_and_nothing_panics() {
        use proptest::prelude::*;

        proptest!(|(amount in 1..=MAX_AMOUNT, millis in 1..=MAX_WINDOW_MS, any in ".{0,12}")| {
            let rate = Rate { amount, window: Window { millis } };
            prop_assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
            let _ = Rate::parse(&any);
            let _ = Rate::parse(&format!("{amount}/{any}"));
        });
    }

    #[test]
    fn a_mistake_is_answered_with_what_to_write() {
        for (text, told) in [
            ("100", "`100` is not a limit: write how much in which time, like \"100/1m\""),
            ("", "`` is not a limit: write how much"),
            ("/1m", "write a whole number before the slash, not ``"),
            ("-1/1m", "not `-1`"),
            ("1.5/1m", "not `1.5`"),
            ("1e3/1m", "not `1e3`"),
            ("٣/1m", "not `٣`"),
            ("0/1m", "0 would let nobody in; write at least 1"),
            ("1000000000000000/1m", "write at most 999999999999999"),
            ("99999999999999999999999/1m", "write at most 999999999999999"),
            ("100/minute", "write `1m` for the time"),
            ("100/5 Min", "write `5m` for the time"),
            ("100/week", "`week` is no unit of time; there are ms, s, m, h and d"),
            ("100/1w", "there are no weeks; write `7d`"),
            ("100/60", "write a unit after the time: ms, s, m, h or d"),
            ("100/", "write a unit after the time"),
            ("100/1m/2", "is no unit of time"),
            ("100/1M", "`M` is no unit of time"),
            ("100/0s", "a window of no time is none"),
            ("100/3661d", "a window of `3661d` is too long; ten years are the most"),
            ("100/99999999999999999999d", "is too long"),
            ("100/18446744073709551615d", "is too long"),
        ] {
            assert!(wrong(text).contains(told), "{text}: {}", wrong(text));
        }
    }
}
