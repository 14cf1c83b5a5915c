//! By what a token is known again, without the token.

use std::{cell::OnceCell, fmt};

use siphasher::sip128::SipHasher24;
use torana_plugin_sdk::host::Random;

/// What stands for a token that was verified. No secret: nobody can make a token of it.
pub(crate) type Id = u128;

/// Makes ids: SipHash-2-4 with all of its 128 bits, under a key that each instance draws and nobody else sees.
///
/// A SHA-256 would need no key, but the host makes it, to which all of the token is copied. This is a pseudorandom
/// function (Aumasson and Bernstein, 2012), and one is enough: who would be taken for somebody else has to send a text
/// that has the id of a remembered token. Without the key all that can be done is to send one and see, and each try
/// succeeds with 2^-128 for each token that is remembered. Two tokens with one id are no easier to find, for nobody
/// sees an id.
#[derive(Default)]
pub(crate) struct Fingerprints(OnceCell<SipHasher24>);

impl Fingerprints {
    /// The id of a token.
    pub(crate) fn of(&self, token: &str, random: &impl Random) -> Id {
        // (There is no host to ask when an instance is made.)
        self.0.get_or_init(|| keyed(random)).hash(token.as_bytes()).into()
    }
}

fn keyed(random: &impl Random) -> SipHasher24 {
    let mut key = [0; 16];
    key.copy_from_slice(&random.bytes(16));
    SipHasher24::new_with_key(&key)
}

/// Without the key.
impl fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fingerprints").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::{fake::FakeHost, prelude::*};

    use super::*;

    #[test]
    fn an_id_is_of_one_token_and_one_instance() {
        let host = FakeHost::get("/");
        let [one, other] = [Fingerprints::default(), Fingerprints::default()];
        let id = |of: &Fingerprints, token| of.of(token, &host.random());
        assert_eq!(id(&one, "a.b.c"), id(&one, "a.b.c"));
        assert_ne!(id(&one, "a.b.c"), id(&one, "a.b.d"));
        assert_ne!(id(&one, "a.b.c"), id(&other, "a.b.c"));
    }

    #[test]
    fn nobody_sees_the_key() {
        let fingerprints = Fingerprints::default();
        fingerprints.of("a.b.c", &FakeHost::get("/").random());
        assert_eq!(format!("{fingerprints:?}"), "Fingerprints { .. }");
    }
}
