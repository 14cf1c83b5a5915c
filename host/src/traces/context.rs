//! What `traceparent` says (W3C Trace Context, level 2).

use http::{HeaderName, HeaderValue};

use super::{SpanId, TraceId};
use crate::fields::Fields;

/// The field that carries it.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What others have to say of the trace.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Its span is recorded.
const SAMPLED: u8 = 1;
/// The last seven bytes of the trace's number are random.
const RANDOM: u8 = 2;

/// The most that is kept of what others say, in bytes: so much everybody carries on (W3C Trace Context, 3.3.1.5).
const MOST_STATE: usize = 512;

/// `00-` + 32 digits + `-` + 16 digits + `-` + 2 digits.
const LENGTH: usize = 55;

/// A place in a trace: what is done there is a child of that span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Whose part it is.
    pub trace: TraceId,
    /// The span that is the parent of what comes next.
    pub span: SpanId,
    flags: u8,
}

impl Context {
    /// A trace that begins here. Nobody has asked whether it is to be recorded, so others may.
    pub fn new() -> Self {
        Self { trace: TraceId::new(), span: SpanId::new(), flags: SAMPLED }
    }

    /// The same for a gateway that decides whether it is recorded.
    pub(super) fn decided(is_sampled: bool) -> Self {
        Self { flags: RANDOM, ..Self::new() }.sampled(is_sampled)
    }

    /// That of a request. Several fields are none: nobody knows which one is meant.
    pub fn of(headers: &Fields) -> Option<Self> {
        let mut all = headers.get_all(TRACEPARENT);
        let (only, None) = (all.next()?, all.next()) else { return None };
        Self::parse(only)
    }

    /// Reads a field. Of a later version the beginning is read, which stays as it is (3.2.4 and 4.3).
    pub fn parse(value: &HeaderValue) -> Option<Self> {
        let text = value.as_bytes();
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let version = digits(&known[..2])?;
        let is_known = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest[0] == b'-',
        };
        if !is_known || [2, 35, 52].iter().any(|at| known[*at] != b'-') {
            return None;
        }
        let (trace, span) = (TraceId::parse(&known[3..35])?, SpanId::parse(&known[36..52])?);
        // Bits that mean nothing yet go no further (level 2, 3.2.2.5).
        Some(Self { trace, span, flags: digits(&known[53..])? & (SAMPLED | RANDOM) })
    }

    /// Whether its span is recorded.
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The same, recorded or not.
    pub(super) fn sampled(self, is_sampled: bool) -> Self {
        let flags = self.flags & !SAMPLED | if is_sampled { SAMPLED } else { 0 };
        Self { flags, ..self }
    }

    /// Another span of the same trace.
    pub(super) fn at(self, span: SpanId) -> Self {
        Self { span, ..self }
    }

    /// As OTLP has it.
    pub(super) fn flags(self) -> u8 {
        self.flags
    }

    /// As a field.
    pub fn header(self) -> HeaderValue {
        let mut text = *b"00-................................-................-0.";
        text[3..35].copy_from_slice(&self.trace.digits());
        text[36..52].copy_from_slice(&self.span.digits());
        text[LENGTH - 1] = b'0' + self.flags;
        HeaderValue::from_bytes(&text).expect("digits and dashes")
    }
}

/// What others say of a trace, all lines as one (3.3.1). None where that is more than everybody carries on: a part of
/// it may be half of an entry.
pub fn state_of(headers: &Fields) -> Option<String> {
    let lines = headers.get_all(TRACESTATE).map(HeaderValue::to_str).collect::<Result<Vec<_>, _>>();
    let state = lines.ok()?.join(", ");
    (!state.is_empty() && state.len() <= MOST_STATE).then_some(state)
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// Two digits of base 16, in lower case.
fn digits(two: &[u8]) -> Option<u8> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let text = std::str::from_utf8(two).ok().filter(|text| text.bytes().all(|b| is_digit(&b)))?;
    u8::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(text: &str) -> Option<Context> {
        Context::parse(&HeaderValue::from_str(text).unwrap())
    }

    #[test]
    fn what_is_read_is_written() {
        for flags in ["00", "01", "02", "03"] {
            let text = format!("{}{flags}", &TRACE[..53]);
            assert_eq!(parse(&text).unwrap().header(), text);
        }
        let new = Context::new();
        assert_eq!(Context::parse(&new.header()), Some(new));
        assert_eq!(new.trace.to_string().as_bytes(), new.trace.digits());
        assert_eq!(format!("{:?}", new.span).as_bytes(), new.span.digits());
    }

    #[test]
    fn only_what_is_a_context_is_one() {
        assert!(parse(TRACE).unwrap().is_sampled());
        let later = format!("cc{}-more", &TRACE[2..]);
        assert_eq!(parse(&later), parse(TRACE), "a later version");
        assert_eq!(parse(&later[..LENGTH]), parse(TRACE));
        for wrong in [
            "".to_owned(),
            format!("{TRACE}-more"),
            format!("{TRACE}0"),
            TRACE[..54].to_owned(),
            format!("ff{}", &TRACE[2..]),
            format!("cc{}.more", &TRACE[2..]),
            TRACE.to_ascii_uppercase(),
            TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            TRACE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            TRACE.replace("-01", "-0+"),
            TRACE.replace('-', "_"),
        ] {
            assert_eq!(parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn flags_of_tomorrow_go_no_further() {
        let context = parse(&TRACE.replace("-01", "-ff")).unwrap();
        assert!(context.header().as_bytes().ends_with(b"-03"));
        assert!(context.sampled(false).header().as_bytes().ends_with(b"-02"));
    }

    #[test]
    fn the_state_is_one_line_of_a_bounded_length() {
        let mut headers = Fields::new();
        assert_eq!(state_of(&headers), None);
        headers.append(TRACESTATE, "a=1,b=2".parse().unwrap());
        headers.append(TRACESTATE, "c=3".parse().unwrap());
        assert_eq!(state_of(&headers).as_deref(), Some("a=1,b=2, c=3"));
        let fits = format!("d={}", "4".repeat(MOST_STATE - 2));
        headers.insert(TRACESTATE, fits.parse().unwrap());
        assert_eq!(state_of(&headers), Some(fits));
        headers.append(TRACESTATE, "e=5".parse().unwrap());
        assert_eq!(state_of(&headers), None);
    }

    #[test]
    fn two_contexts_are_none() {
        let mut headers = Fields::new();
        headers.append(TRACEPARENT, TRACE.parse().unwrap());
        assert_eq!(Context::of(&headers), parse(TRACE));
        headers.append(TRACEPARENT, TRACE.parse().unwrap());
        assert_eq!(Context::of(&headers), None);
    }
}
