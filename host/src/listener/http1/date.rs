//! The time of day, as a field says it (RFC 9110, 5.6.7).

use std::{
    cell::RefCell,
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// Writes the value of `Date`. It is put together anew once a second.
pub(super) fn write(out: &mut Vec<u8>) {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|(of, text)| {
        if *of != second || text.is_empty() {
            text.clear();
            // Into memory, which does not fail.
            let _ = write!(text, "{}", httpdate::HttpDate::from(now));
            *of = second;
        }
        out.extend_from_slice(text.as_bytes());
    });
}

thread_local! {
    static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn it_is_a_date_of_now() {
        let before = std::time::SystemTime::now() - std::time::Duration::from_secs(1);
        for _ in 0..2 {
            let mut out = Vec::new();
            write(&mut out);
            let date = httpdate::parse_http_date(std::str::from_utf8(&out).unwrap()).unwrap();
            assert!(date >= before && date <= std::time::SystemTime::now());
        }
    }
}
