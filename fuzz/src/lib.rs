//! What the targets in `fuzz_targets/` have in common.

use serde::de::IgnoredAny;

/// The first `N - 1` lines of an input, and the rest of it; None where they are fewer, or no text.
/// (So that an input is readable, and can be written by hand.)
pub fn lines<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let lines: Vec<_> = std::str::from_utf8(data).ok()?.splitn(N, '\n').collect();
    lines.try_into().ok()
}

/// Whether a text is JSON, however deep it is.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}
