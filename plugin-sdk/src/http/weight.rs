//! Weights, as clients give them to what they accept.

/// `0.75` in thousandths (RFC 9110, 12.4.2): what stands after `q=` in `Accept` and its like. None
/// of what is no weight.
///
/// The grammar has a zero before the point and three digits after it; clients write `.2` (each one
/// in Java's standard library) and `0.3333` as well, and nobody can take those for anything else.
pub fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{:0<3}", &fraction[..fraction.len().min(3)]).parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "" if !fraction.is_empty() => Some(thousandths),
        "1" if fraction.bytes().all(|byte| byte == b'0') => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_from_0_to_1_in_thousandths() {
        for (text, expected) in [
            ("1", 1000),
            ("1.000", 1000),
            ("1.", 1000),
            ("0", 0),
            ("0.", 0),
            ("0.7", 700),
            ("0.75", 750),
            ("0.001", 1),
            (".2", 200),
            (".25", 250),
            ("0.3333", 333),
            ("0.0009", 0),
            ("1.00000", 1000),
        ] {
            assert_eq!(weight(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_weight_is_none() {
        for text in
            ["", "2", "-1", "1.001", "1.0001", "0,5", ".", "..5", "00.5", "0.5.5", " 0.5", "+1"]
        {
            assert_eq!(weight(text), None, "{text}");
        }
    }
}
