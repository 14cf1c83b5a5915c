//! When a certificate expires. Neither rustls nor webpki tells without a chain to verify, and an
//! X.509 crate is a great deal for one field, so this walks to it: RFC 5280, 4.1.

use std::{
    fmt,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::pem;

/// When the first certificate of a PEM file expires; none if that cannot be read.
pub fn expiry(path: &Path) -> Option<Moment> {
    pem::chain(path).ok().and_then(|chain| not_after(&chain[0]))
}

/// A time as certificates write it: UTC, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    year: u64,
    month: u64,
    day: u64,
    /// Of the day.
    seconds: u64,
}

/// `notAfter`; none if this is not a certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<Moment> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (SEQUENCE, certificate, _) = element(certificate)? else { return None };
    let (SEQUENCE, mut fields, _) = element(certificate)? else { return None };
    if fields.first() == Some(&VERSION) {
        fields = element(fields)?.2;
    }
    // serialNumber, signature, issuer
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (SEQUENCE, validity, _) = element(fields)? else { return None };
    let (_, _, not_after) = element(validity)?;
    let (tag, text, _) = element(not_after)?;
    Moment::parse(tag, text)
}

/// The first DER element: tag, content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let octets = usize::from(first & 0x7f);
        // Four octets are 4 GiB; zero would be the indefinite form, which DER forbids.
        let digits = rest.get(..octets).filter(|_| (1..=4).contains(&octets))?;
        length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        rest = &rest[octets..];
    }
    (length <= rest.len()).then(|| (tag, &rest[..length], &rest[length..]))
}

impl Moment {
    /// `YYMMDDHHMMSSZ` (UTCTime) or `YYYYMMDDHHMMSSZ` (GeneralizedTime).
    fn parse(tag: u8, text: &[u8]) -> Option<Self> {
        const UTC_TIME: u8 = 0x17;
        let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
        let text = match tag {
            // Two digits are 1950 to 2049.
            UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
            UTC_TIME => format!("19{text}"),
            _ => text.to_owned(),
        };
        if text.len() != 14 {
            return None;
        }
        let number = |from, to| text.get(from..to)?.parse::<u64>().ok();
        let seconds = number(8, 10)? * 3600 + number(10, 12)? * 60 + number(12, 14)?;
        Some(Self { year: number(0, 4)?, month: number(4, 6)?, day: number(6, 8)?, seconds })
    }

    /// On the clock of this machine.
    pub fn system_time(self) -> SystemTime {
        // Days since 1970 in the proleptic Gregorian calendar, years counted from March.
        let years = self.year.saturating_sub(u64::from(self.month <= 2));
        let month_from_march = (self.month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day;
        let leap_days = years / 4 - years / 100 + years / 400;
        let days = (years * 365 + leap_days + day_of_year).saturating_sub(719_469);
        UNIX_EPOCH + Duration::from_secs(days * 86_400 + self.seconds)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_written() {
        for (year, month, day, unix) in
            [(1999, 12, 31, 946_598_400), (2024, 2, 29, 1_709_164_800), (2050, 3, 1, 2_529_705_600)]
        {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, month, day);
            let certificate = params.self_signed(&key).unwrap();
            let read = not_after(certificate.der()).unwrap();
            assert_eq!(read.to_string(), format!("{year:04}-{month:02}-{day:02}"));
            assert_eq!(read.system_time(), UNIX_EPOCH + Duration::from_secs(unix));
        }
    }

    #[test]
    fn anything_else_is_none() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        for end in 0..der.len() {
            assert_eq!(not_after(&der[..end]), None);
        }
        assert_eq!(not_after(&[0x30, 0x80, 0, 0]), None);
        assert_eq!(not_after(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
    }
}
