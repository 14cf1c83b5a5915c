//! What says which profile it is, as the TOML has it.

use std::collections::BTreeMap;

use torana_plugin_sdk::prelude::*;

/// Where a profile's name comes from. Exactly one of `header`, `query`, `claim`, `attribute` and
/// `user_agent` is there.
#[settings]
#[derive(Clone, Debug, Default)]
#[serde(default)]
pub(crate) struct Source {
    /// A request header.
    pub(crate) header: Option<HeaderName>,
    /// A query parameter.
    pub(crate) query: Option<String>,
    /// A claim of the verified token (attribute `auth.claims`); `a.b` goes deeper.
    pub(crate) claim: Option<String>,
    /// An attribute that a plugin before this one sets.
    pub(crate) attribute: Option<String>,
    /// The class of the User-Agent: `phone`, `tablet`, `desktop` or `bot`.
    pub(crate) user_agent: bool,
    /// What is said = the profile's name. Without it, the profile's name is said.
    pub(crate) values: BTreeMap<String, String>,
    /// The request headers that a claim or an attribute comes from, for `Vary`. A claim comes from
    /// `authorization` if nothing else is said.
    pub(crate) vary: Option<Vec<HeaderName>>,
}

impl Source {
    pub(super) fn check<P>(
        &self,
        index: usize,
        profiles: &BTreeMap<String, P>,
        errors: &mut SettingErrors,
    ) {
        let index = index.to_string();
        let kinds = [
            self.header.is_some(),
            self.query.is_some(),
            self.claim.is_some(),
            self.attribute.is_some(),
            self.user_agent,
        ];
        if kinds.into_iter().filter(|there| *there).count() != 1 {
            let text = "write one of `header`, `query`, `claim`, `attribute` and `user_agent = \
                        true`; other sources are further entries of the list";
            errors.add(["sources", &index], text);
        }
        self.check_vary(&index, errors);
        for (said, profile) in &self.values {
            if !profiles.contains_key(profile) {
                let text = format!("there is no profile `{profile}`");
                errors.add(["sources", &index, "values", said], text);
            }
        }
    }

    fn check_vary(&self, index: &str, errors: &mut SettingErrors) {
        if self.attribute.is_some() && self.vary.is_none() {
            let text = "`vary` is missing: list the request headers that the attribute comes from, \
                        like [\"x-api-key\"], or caches give one client what is another's; [] if \
                        it comes from none";
            errors.add(["sources", index], text);
        }
        if self.vary.is_some() && self.claim.is_none() && self.attribute.is_none() {
            let text = "this is known here: leave it out";
            errors.add(["sources", index, "vary"], text);
        }
    }
}
