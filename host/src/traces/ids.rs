//! Numbers of traces and spans (W3C Trace Context, 3.2.2). None of them is 0, which stands for nobody's.

use std::fmt;

use crate::random::{random_u64, sixteen_digits};

/// Number of a trace: all that happened for one request, in whichever process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u64, u64);

/// Number of a span: one piece of work in a trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl TraceId {
    /// One that nobody else has. All its bits are random, so that others may sample by them.
    pub(super) fn new() -> Self {
        Self(random_u64(), random_u64())
    }

    /// Reads 32 digits; none where they are no id.
    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        let (upper, lower) = digits.split_at_checked(16)?;
        let id = Self(number(upper)?, number(lower)?);
        (id != Self(0, 0)).then_some(id)
    }

    /// In base 16.
    pub(super) fn digits(self) -> [u8; 32] {
        let mut digits = [0; 32];
        digits[..16].copy_from_slice(&sixteen_digits(self.0));
        digits[16..].copy_from_slice(&sixteen_digits(self.1));
        digits
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        [self.0.to_be_bytes(), self.1.to_be_bytes()].concat()
    }
}

impl SpanId {
    /// One that no other span of the trace has.
    pub(super) fn new() -> Self {
        Self(random_u64())
    }

    /// Reads 16 digits; none where they are no id.
    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        number(digits).filter(|id| *id != 0).map(Self)
    }

    /// In base 16.
    pub(super) fn digits(self) -> [u8; 16] {
        sixteen_digits(self.0)
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }
}

/// Sixteen digits of base 16, in lower case.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.len() != 16 {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
