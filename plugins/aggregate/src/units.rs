//! `"300ms"` and `"4MiB"`, as the gateway's own TOML has them.

const TIMES: [(&str, u64); 3] = [("ms", 1), ("s", 1_000), ("m", 60_000)];

const SIZES: [(&str, u64); 3] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20)];

/// Milliseconds, at least one.
pub(crate) fn milliseconds(text: &str) -> Result<u32, String> {
    let wrong = || {
        format!("`{text}` is not a duration: write a whole number and ms, s or m, like \"300ms\"")
    };
    amount(text, &TIMES).and_then(|amount| u32::try_from(amount).ok()).ok_or_else(wrong)
}

/// Bytes, at least one.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let wrong =
        || format!("`{text}` is not a size: write a whole number and B, KiB or MiB, like \"4MiB\"");
    // Of 32 bits, as addresses in the sandbox are.
    let amount = amount(text, &SIZES).and_then(|amount| u32::try_from(amount).ok());
    amount.map(|amount| amount as usize).ok_or_else(wrong)
}

fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, scale) = units.iter().find(|(known, _)| *known == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*scale).filter(|&amount| amount > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_unit() {
        assert_eq!(milliseconds("300ms").unwrap(), 300);
        assert_eq!(milliseconds("2 s").unwrap(), 2_000);
        assert_eq!(milliseconds("1m").unwrap(), 60_000);
        assert_eq!(bytes("64KiB").unwrap(), 65_536);
        for wrong in
            ["", "0ms", "300", "ms", "1.5s", "-1s", "1h", "99999999999999999999s", "72000m"]
        {
            assert!(milliseconds(wrong).is_err(), "{wrong}");
        }
        assert!(bytes("5000MiB").is_err());
    }
}
