//! `"10ms"` and `"64KiB"`.

use std::time::Duration;

use super::fault::Fault;

/// Unit and its length in milliseconds.
const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Unit and its length in bytes. Powers of ten have no `i`, as in the standard (IEC 80000-13).
const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Units that people write, and what to write for them.
const MEANT: [(&str, &str); 16] = [
    ("k", "KiB"),
    ("K", "KiB"),
    ("KB", "KiB"),
    ("kib", "KiB"),
    ("m", "MiB"),
    ("M", "MiB"),
    ("mb", "MiB"),
    ("mib", "MiB"),
    ("g", "GiB"),
    ("G", "GiB"),
    ("gb", "GiB"),
    ("sec", "s"),
    ("secs", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("hr", "h"),
];

/// `"10ms"`, `"5s"`, `"2m"`, `"1h"`.
pub(super) fn duration(text: &str) -> Result<Duration, Fault> {
    let fault = || Fault::new("is not a duration");
    let help = "write a whole number and one of ms, s, m, h: \"250ms\", \"10s\", \"2m\", \"1h\"";
    amount(text, &TIMES, fault, help).map(Duration::from_millis)
}

/// `"64KiB"`, `"10kB"`; bytes.
pub(super) fn size(text: &str) -> Result<u64, Fault> {
    let fault = || Fault::new("is not a size");
    let help = "write a whole number and one of B, KiB, MiB, GiB, kB, MB, GB: \"64KiB\", \"10MB\"";
    amount(text, &SIZES, fault, help)
}

/// `"5%"`, `"0.01%"`, `"100%"`; millionths. Four digits behind the point are one request in a million.
pub(super) fn millionths(text: &str) -> Result<u32, Fault> {
    let fault = || {
        Fault::new("is not a share of the requests")
            .help("write a number from 0 to 100 and a `%`, with at most four digits behind the point: \"5%\", \"0.01%\"")
    };
    let number = text.trim().strip_suffix('%').ok_or_else(fault)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str, most: usize| {
        (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(whole, 3) || !is_number(part, 4) {
        return Err(fault());
    }
    let number = |digits: &str| digits.parse::<u32>().map_err(|_| fault());
    let millionths = number(whole)? * 10_000 + number(&format!("{part:0<4}"))?;
    if millionths > 1_000_000 { Err(fault()) } else { Ok(millionths) }
}

fn amount(
    text: &str,
    units: &[(&str, u64)],
    fault: impl Fn() -> Fault,
    help: &str,
) -> Result<u64, Fault> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim_start());
    if number.is_empty() || unit.is_empty() || unit.starts_with(['.', '_', '-']) {
        return Err(fault().help(help));
    }
    let Some((_, scale)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(fault().help(meant(number, unit, units).unwrap_or_else(|| help.to_owned())));
    };
    let number: u64 = number.parse().map_err(|_| fault().help("the number is too large"))?;
    number.checked_mul(*scale).ok_or_else(|| fault().help("the number is too large"))
}

/// `write "64KiB"`, for `"64k"`.
fn meant(number: &str, unit: &str, units: &[(&str, u64)]) -> Option<String> {
    let spelled = MEANT.iter().find(|(wrong, _)| *wrong == unit).map(|(_, right)| *right);
    let known = |name: &str| units.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let (name, _) = spelled.and_then(known).or_else(|| known(unit))?;
    Some(format!("write \"{number}{name}\""))
}

/// The shortest way to write a duration.
pub fn show_duration(duration: Duration) -> String {
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &TIMES)
}

/// The shortest way to write a size.
pub fn show_size(bytes: u64) -> String {
    show(bytes, &SIZES)
}

fn show(amount: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, scale): &&(&str, u64)| amount.is_multiple_of(*scale);
    let (name, scale) = units.iter().filter(fits).max_by_key(|(_, s)| *s).unwrap_or(&units[0]);
    let (name, scale) = if amount == 0 { units[0] } else { (*name, *scale) };
    format!("{}{name}", amount / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(fault: Fault) -> String {
        fault.help.unwrap_or_default()
    }

    #[test]
    fn durations() {
        assert_eq!(duration("10ms"), Ok(Duration::from_millis(10)));
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(help(duration("10S").unwrap_err()), "write \"10s\"");
        assert_eq!(help(duration("10 sec").unwrap_err()), "write \"10s\"");
        for wrong in ["", "10", "s", "-1s", "1.5s", "1h30m", "1_000s", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(duration(&format!("{}h", u64::MAX)).is_err(), "no overflow");
    }

    #[test]
    fn sizes() {
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("10kB"), Ok(10_000));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("7B"), Ok(7));
        assert_eq!(help(size("64K").unwrap_err()), "write \"64KiB\"");
        assert_eq!(help(size("64m").unwrap_err()), "write \"64MiB\"");
        assert_eq!(help(size("5mB").unwrap_err()), "write \"5MB\"");
        assert!(size("64").is_err());
    }

    #[test]
    fn shares() {
        for (text, expected) in [
            ("100%", 1_000_000),
            ("5%", 50_000),
            ("0.5%", 5_000),
            ("0.0001%", 1),
            ("100.0%", 1_000_000),
            ("0%", 0),
        ] {
            assert_eq!(millionths(text), Ok(expected), "{text}");
        }
        for wrong in ["", "5", "%", "-1%", "101%", "100.0001%", "0.00001%", ".5%", "1.%", "1e2%"] {
            assert!(millionths(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_can_be_written() {
        for text in ["1ms", "1500ms", "90s", "1h", "2m"] {
            assert_eq!(duration(text).map(show_duration), Ok(text.to_owned()));
        }
        for text in ["1B", "10kB", "64KiB", "1GiB", "1023KiB"] {
            assert_eq!(size(text).map(show_size), Ok(text.to_owned()));
        }
        assert_eq!(show_size(0), "0B");
    }
}
