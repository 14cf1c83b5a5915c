//! Dates and times (RFC 3339, 5.6 and appendix A).

/// `2026-11-27`.
pub(super) fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2))
    else {
        return false;
    };
    (1..=days_of(year, month)).contains(&day)
}

/// `13:20:00.5Z`. A leap second is one at 23:59:60 of UTC.
pub(super) fn is_time(text: &str) -> bool {
    let (Some(hour), Some(":"), Some(minute), Some(":"), Some(second)) =
        (text.get(..2), text.get(2..3), text.get(3..5), text.get(5..6), text.get(6..8))
    else {
        return false;
    };
    let (Some(hour), Some(minute), Some(second)) =
        (digits(hour, 2), digits(minute, 2), digits(second, 2))
    else {
        return false;
    };
    let Some(offset) = offset(&text[8..]) else { return false };
    let minutes = (i64::from(hour) * 60 + i64::from(minute) - offset).rem_euclid(24 * 60);
    hour < 24 && minute < 60 && (second < 60 || second == 60 && minutes == 24 * 60 - 1)
}

/// A date, `T`, and a time.
pub(super) fn is_date_time(text: &str) -> bool {
    let separated = text.get(10..11).is_some_and(|between| between.eq_ignore_ascii_case("t"));
    separated && is_date(&text[..10]) && is_time(&text[11..])
}

/// `P1DT12H`: each unit once, largest first.
pub(super) fn is_duration(text: &str) -> bool {
    let Some(text) = text.strip_prefix('P') else { return false };
    if let Some(weeks) = text.strip_suffix('W') {
        return is_number(weeks);
    }
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let has_units = |text: &str, units: &str| !text.is_empty() && is_sequence(text, units);
    match time {
        None => has_units(date, "YMD"),
        Some(time) => (date.is_empty() || is_sequence(date, "YMD")) && has_units(time, "HMS"),
    }
}

/// Numbers with these units, none left out between two.
fn is_sequence(text: &str, units: &str) -> bool {
    let mut next = None;
    let mut rest = text;
    while !rest.is_empty() {
        let Some(end) = rest.find(|c: char| !c.is_ascii_digit()).filter(|&end| end > 0) else {
            return false;
        };
        let Some(unit) = rest[end..].chars().next().and_then(|unit| units.find(unit)) else {
            return false;
        };
        if next.is_some_and(|next| next != unit) {
            return false;
        }
        next = Some(unit + 1);
        rest = &rest[end + 1..];
    }
    true
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The minutes that a time is ahead of UTC, after its fraction.
fn offset(text: &str) -> Option<i64> {
    let text = match text.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|&end| end > 0)?;
            &rest[end..]
        }
        None => text,
    };
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hour, minute) = text[1..].split_once(':')?;
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    (hour < 24 && minute < 60).then(|| sign * (i64::from(hour) * 60 + i64::from(minute)))
}

fn digits(text: &str, length: usize) -> Option<u32> {
    let fits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

fn days_of(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}
