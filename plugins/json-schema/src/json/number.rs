//! Numbers as decimals, exactly: a limit of 18446744073709551616 holds, and 19.99 is a multiple of 0.01, which for
//! doubles it is not.

use std::cmp::Ordering;

/// A JSON number: an integer of decimal digits, times a power of ten.
#[derive(Clone, Debug)]
pub(crate) struct Decimal {
    is_negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: Vec<u8>,
    /// The power of ten of the last digit. What is beyond 64 bits is the nearest that is not.
    exponent: i64,
}

impl Decimal {
    /// Reads a number that is JSON.
    pub(crate) fn parse(text: &str) -> Self {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> = [whole.as_bytes(), fraction.as_bytes()].concat();
        let last = digits.iter().rposition(|&digit| digit != b'0');
        let trailing = digits.len() - last.map_or(0, |last| last + 1);
        digits.truncate(digits.len() - trailing);
        let leading = digits.iter().take_while(|&&digit| digit == b'0').count();
        digits.drain(..leading);
        if digits.is_empty() {
            return Self { is_negative: false, digits, exponent: 0 };
        }
        let shift = trailing as i64 - fraction.len() as i64;
        let exponent = power(exponent).saturating_add(shift);
        Self { is_negative, digits, exponent }
    }

    /// Whether it has no fraction, however it is written.
    pub(crate) fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// Whether it is zero or less.
    pub(crate) fn is_positive(&self) -> bool {
        !self.is_negative && !self.digits.is_empty()
    }

    /// As a size, if it is a whole one. What is beyond all sizes is the largest.
    pub(crate) fn to_size(&self) -> Option<usize> {
        if self.is_negative || !self.is_integer() {
            return None;
        }
        let digit = |size: usize, digit: u8| {
            size.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
        };
        let size = self.digits.iter().copied().fold(0, digit);
        // Twenty zeros are beyond any.
        Some((0..self.exponent.min(20)).fold(size, |size, _| size.saturating_mul(10)))
    }

    /// Whether it is a whole number of times `other`, which is not zero.
    pub(crate) fn is_multiple_of(&self, other: &Self) -> bool {
        if self.digits.is_empty() {
            return true;
        }
        // The last digits are not zero, so none of ours makes up for a power of ten that is missing.
        let Ok(zeros) = u64::try_from(self.exponent.saturating_sub(other.exponent)) else {
            return false;
        };
        match Modulus::new(&other.digits) {
            Some(modulus) => modulus.of(&self.digits, zeros) == 0,
            None => long_remainder_is_zero(&self.digits, zeros, &other.digits),
        }
    }

    /// The power of ten that it is below.
    fn magnitude(&self) -> i64 {
        self.exponent.saturating_add(self.digits.len() as i64)
    }

    fn compare_sizes(&self, other: &Self) -> Ordering {
        // As fractions: 0.12 < 0.123, whose longer beginning is equal.
        self.magnitude().cmp(&other.magnitude()).then_with(|| self.digits.cmp(&other.digits))
    }

    /// -1, 0 or 1.
    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sign().cmp(&other.sign()).then_with(|| match self.sign() {
            0 => Ordering::Equal,
            1 => self.compare_sizes(other),
            _ => other.compare_sizes(self),
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

fn power(text: &str) -> i64 {
    let beyond = if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
    let power = text.strip_prefix('+').unwrap_or(text).parse().unwrap_or(beyond);
    power.clamp(i64::MIN / 2, i64::MAX / 2)
}

/// Remainders by a number of at most 18 digits.
struct Modulus(u64);

impl Modulus {
    fn new(digits: &[u8]) -> Option<Self> {
        (digits.len() <= 18)
            .then(|| Self(digits.iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'))))
    }

    /// The remainder of these digits with so many zeros behind them.
    fn of(&self, digits: &[u8], zeros: u64) -> u64 {
        let of_digits =
            digits.iter().fold(0, |rest, digit| self.times(rest, 10) + u64::from(digit - b'0'));
        self.times(of_digits % self.0, self.power_of_ten(zeros))
    }

    fn power_of_ten(&self, mut power: u64) -> u64 {
        let (mut result, mut square) = (1 % self.0, 10 % self.0);
        while power > 0 {
            if power & 1 == 1 {
                result = self.times(result, square);
            }
            square = self.times(square, square);
            power >>= 1;
        }
        result
    }

    fn times(&self, a: u64, b: u64) -> u64 {
        (u128::from(a) * u128::from(b) % u128::from(self.0)) as u64
    }
}

/// Long division, for a schema whose `multipleOf` has more digits than fit.
fn long_remainder_is_zero(digits: &[u8], zeros: u64, divisor: &[u8]) -> bool {
    // A remainder that is zero stays so; one that is not can be made zero only by as many tens as the divisor
    // has factors 2 or 5: four for each digit.
    let zeros = zeros.min(4 * divisor.len() as u64);
    let mut rest: Vec<u8> = Vec::with_capacity(divisor.len() + 1);
    let more = digits.iter().copied().chain((0..zeros).map(|_| b'0'));
    for digit in more {
        if !(rest.is_empty() && digit == b'0') {
            rest.push(digit);
        }
        while is_at_least(&rest, divisor) {
            subtract(&mut rest, divisor);
        }
    }
    rest.is_empty()
}

fn is_at_least(a: &[u8], b: &[u8]) -> bool {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b)).is_ge()
}

/// Takes `b` from `a`, which is not less, and the leading zeros off.
fn subtract(a: &mut Vec<u8>, b: &[u8]) {
    let mut borrow = 0;
    let shorter = b.iter().rev().copied().chain(std::iter::repeat(b'0'));
    for (digit, other) in a.iter_mut().rev().zip(shorter) {
        let difference = i16::from(*digit) - i16::from(other) - borrow;
        borrow = i16::from(difference < 0);
        *digit = b'0' + (difference + 10 * borrow) as u8;
    }
    let leading = a.iter().take_while(|&&digit| digit == b'0').count();
    a.drain(..leading);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cmp(a: &str, b: &str) -> Ordering {
        Decimal::parse(a).cmp(&Decimal::parse(b))
    }

    fn is_multiple(a: &str, b: &str) -> bool {
        Decimal::parse(a).is_multiple_of(&Decimal::parse(b))
    }

    #[test]
    fn numbers_are_compared_by_what_they_are() {
        for (a, b) in [("1", "1.0"), ("1e2", "100"), ("0", "-0.0"), ("1E-2", "0.010"), ("0e9", "0")]
        {
            assert_eq!(cmp(a, b), Ordering::Equal, "{a} {b}");
        }
        for (a, b) in [
            ("18446744073709551615", "18446744073709551616"),
            ("-2", "-1"),
            ("-1", "0"),
            ("0.12", "0.123"),
            ("9", "10"),
            ("1e400", "1e401"),
            ("-1e99999999999999999999", "1e-99999999999999999999"),
        ] {
            assert_eq!(cmp(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(cmp(b, a), Ordering::Greater, "{b} {a}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (a, b) in
            [("19.99", "0.01"), ("0.0075", "0.0001"), ("1e308", "0.5"), ("0", "7"), ("-4.5", "1.5")]
        {
            assert!(is_multiple(a, b), "{a} {b}");
        }
        for (a, b) in
            [("19.995", "0.01"), ("35", "2"), ("0.00751", "0.0001"), ("1", "3e9"), ("10", "3")]
        {
            assert!(!is_multiple(a, b), "{a} {b}");
        }
        assert!(is_multiple("246913578024691357802469135780", "12345678901234567890123456789"));
        assert!(!is_multiple("246913578024691357802469135781", "12345678901234567890123456789"));
    }

    #[test]
    fn sizes_are_whole_and_have_an_end() {
        let size = |text: &str| Decimal::parse(text).to_size();
        assert_eq!((size("2.0"), size("1e3"), size("0")), (Some(2), Some(1000), Some(0)));
        assert_eq!((size("-1"), size("0.5")), (None, None));
        assert_eq!(size("1e999999999"), Some(usize::MAX));
    }

    proptest! {
        #[test]
        fn integers_are_compared_as_integers(a: i64, b: i64) {
            prop_assert_eq!(cmp(&a.to_string(), &b.to_string()), a.cmp(&b));
        }

        #[test]
        fn remainders_are_those_of_integers(a: i64, b in 1i64..) {
            prop_assert_eq!(is_multiple(&a.to_string(), &b.to_string()), a % b == 0);
            let product = i128::from(a) * i128::from(b);
            prop_assert!(is_multiple(&product.to_string(), &b.to_string()));
        }

        #[test]
        fn long_division_is_the_short_one(a: u64, zeros in 0u64..3, b in 1u64..10_000_000) {
            let digits = |n: u64| Decimal::parse(&n.to_string()).digits;
            let (a, b) = (digits(a), digits(b));
            let short = Modulus::new(&b).unwrap().of(&a, zeros) == 0;
            prop_assert_eq!(long_remainder_is_zero(&a, zeros, &b), short);
        }
    }
}
