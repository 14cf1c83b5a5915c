//! Our name in `Via` (RFC 9110, 7.6.3): what says that a message came by here.

use std::sync::Arc;

use http::{HeaderValue, Version, header};

use crate::random::random_digits;

use crate::fields::Fields;

/// A name for this process in `Via`, unlike that of any other.
pub fn via_name() -> Arc<str> {
    let mut name = *b"torana-................";
    random_digits(&mut name["torana-".len()..]);
    String::from_utf8_lossy(&name).into()
}

/// The name, and what is added to messages that go on: made once, for each request has it twice.
pub(super) struct Via {
    name: Arc<str>,
    over_http1: HeaderValue,
    over_http2: HeaderValue,
}

impl Via {
    /// `name` is that of [`via_name`].
    pub(super) fn new(name: Arc<str>) -> Self {
        // Leaked, for it is there as long as the process: a value that is counted would have all workers meet
        // at its count, twice for each message.
        let entry = |protocol| HeaderValue::from_static(format!("{protocol} {name}").leak());
        let (over_http1, over_http2) = (entry("1.1"), entry("2"));
        Self { name, over_http1, over_http2 }
    }

    /// Says that a message came in by this version.
    pub(super) fn add(&self, headers: &mut Fields, version: Version) {
        let entry = if version == Version::HTTP_2 { &self.over_http2 } else { &self.over_http1 };
        headers.append(header::VIA, entry.clone());
    }

    /// The same for a request that has come by here so often: what plugins have taken off is there again, or a circle
    /// would never be seen to be one.
    pub(super) fn add_again(&self, headers: &mut Fields, version: Version, passes: usize) {
        if passes > 0 {
            for _ in self.passes(headers)..passes {
                self.add(headers, version);
            }
        }
        self.add(headers, version);
    }

    /// How often a message has come by here already.
    pub(super) fn passes(&self, headers: &Fields) -> usize {
        let entries = headers.get_all(header::VIA).filter_map(|entry| entry.to_str().ok());
        let hops = entries.flat_map(|entry| entry.split(','));
        hops.filter(|hop| hop.trim().ends_with(&*self.name)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::via_name;

    #[test]
    fn no_two_gateways_have_the_same_name() {
        assert_ne!(via_name(), via_name());
        assert!(via_name().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    }
}
