//! Which requests are traced.

use super::Context;
use crate::{
    config::{Follow, Traces},
    random::random_u64,
};

/// Decides for each request.
#[derive(Debug, Clone, Copy)]
pub struct Sampler {
    follow: Follow,
    /// Of a million.
    share: u32,
}

impl Sampler {
    /// As the file says.
    pub fn new(settings: &Traces) -> Self {
        Self { follow: settings.follow, share: settings.sample }
    }

    /// Whether a request is traced. `is_trusted`: it comes from a trusted proxy.
    ///
    /// Where a caller's decision does not hold, chance decides, and not the number of its trace as with other samplers:
    /// the caller has chosen that, too.
    pub(super) fn takes(&self, caller: Option<Context>, is_trusted: bool) -> bool {
        let holds = match self.follow {
            Follow::Always => true,
            Follow::Trusted => is_trusted,
            Follow::Never => false,
        };
        match caller.filter(|_| holds) {
            Some(caller) => caller.is_sampled(),
            None => random_u64() % 1_000_000 < u64::from(self.share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_followed_where_it_holds() {
        let yes = Some(Context::decided(true));
        let no = Some(Context::decided(false));
        for (follow, trusted, followed) in [
            (Follow::Always, false, true),
            (Follow::Trusted, true, true),
            (Follow::Trusted, false, false),
            (Follow::Never, true, false),
        ] {
            for share in [0, 1_000_000] {
                let sampler = Sampler { follow, share };
                let own = share > 0;
                assert_eq!(sampler.takes(yes, trusted), followed || own, "{follow:?} {share}");
                assert_eq!(sampler.takes(no, trusted), !followed && own, "{follow:?} {share}");
                assert_eq!(sampler.takes(None, trusted), own, "{follow:?} {share}");
            }
        }
    }

    #[test]
    fn a_share_is_about_that_share() {
        let sampler = Sampler { follow: Follow::Never, share: 100_000 };
        let taken = (0..100_000).filter(|_| sampler.takes(None, false)).count();
        // Some 100 more or less are usual; 20 times that never.
        assert!((8_000..12_000).contains(&taken), "{taken}");
    }
}
