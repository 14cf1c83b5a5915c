//! `"4MiB"`, as the gateway's own TOML has it.

const SIZES: [(&str, u64); 3] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20)];

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
        assert_eq!(bytes("64KiB").unwrap(), 65_536);
        assert_eq!(bytes("2 MiB").unwrap(), 2 << 20);
        for wrong in
            ["", "0B", "300", "B", "1.5KiB", "-1B", "1GiB", "99999999999999999999B", "5000MiB"]
        {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
