//! What the fields of a head say of its body's length (RFC 9112, 6).

use http::HeaderValue;

use super::Fault;

/// All of a head's `Content-Length`. The same number several times is one (RFC 9112, 6.3).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// There is none.
    #[default]
    Unsaid,
    /// So many bytes.
    Bytes(u64),
    /// It is no number, or says two.
    Contradiction,
}

impl Length {
    /// One more field; none where its value is no number.
    pub fn add(&mut self, length: Option<u64>) {
        *self = match (*self, length) {
            (Self::Unsaid, Some(length)) => Self::Bytes(length),
            (Self::Bytes(known), Some(length)) if known == length => Self::Bytes(length),
            _ => Self::Contradiction,
        };
    }

    /// What they say together.
    pub fn get(self) -> Result<Option<u64>, Fault> {
        match self {
            Self::Unsaid => Ok(None),
            Self::Bytes(length) => Ok(Some(length)),
            Self::Contradiction => Err(Fault::Framing),
        }
    }
}

/// Digits and nothing else: no sign, as `parse` would take.
pub fn digits(text: &[u8]) -> Option<u64> {
    let all = text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        number.checked_mul(10)?.checked_add(digit.into())
    });
    all.filter(|_| !text.is_empty())
}

/// Whether the last coding of this `Transfer-Encoding` is `chunked`.
pub fn ends_in_chunks(codings: &HeaderValue) -> bool {
    let last = codings.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default();
    last.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_one_number() {
        assert_eq!(digits(b"18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "+5", "-5", "0x5", "5 5", "5,5", "18446744073709551616"] {
            assert_eq!(digits(wrong.as_bytes()), None, "{wrong}");
        }
        let said = |all: &[Option<u64>]| {
            let mut length = Length::default();
            all.iter().for_each(|one| length.add(*one));
            length.get()
        };
        assert_eq!(said(&[]), Ok(None));
        assert_eq!(said(&[Some(5), Some(5)]), Ok(Some(5)));
        for wrong in [&[Some(5), Some(6)][..], &[None], &[Some(5), None], &[None, Some(5)]] {
            assert_eq!(said(wrong), Err(Fault::Framing));
        }
    }

    #[test]
    fn only_the_last_coding_counts() {
        let ends = |codings| ends_in_chunks(&HeaderValue::from_static(codings));
        assert!(ends("chunked") && ends("gzip,  Chunked "));
        assert!(!ends("chunked, gzip") && !ends("xchunked") && !ends(""));
    }
}
