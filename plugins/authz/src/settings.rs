//! What the TOML can say.

use std::collections::BTreeMap;

use torana_plugin_sdk::prelude::*;

use crate::{
    expression::Expression,
    names::{ClaimPath, Method, OneOf},
    network::Network,
    paths::PathPattern,
    wanted::Wanted,
};

/// Who may do what.
#[settings]
#[serde(default)]
pub(crate) struct Settings {
    /// The rules, in order. The first that matches decides.
    pub(crate) rules: Vec<Rule>,
    /// What holds where no rule matches.
    pub(crate) default: Effect,
    /// The claim with the roles: a name, which may have dots, `realm_access.roles` for one that is
    /// deeper, or a list of names from the outside in.
    pub(crate) role_claim: ClaimPath,
    /// The `WWW-Authenticate` of a 401 for those who are not known but would have to be. Without it
    /// they get 403.
    pub(crate) challenge: Option<String>,
    /// Refuses nobody, and logs what it would have done.
    pub(crate) dry_run: bool,
}

/// What a rule does.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// The request goes on.
    Allow,
    /// It is refused.
    Deny,
}

/// A rule. It matches where all of its conditions hold; it has at least one.
#[settings]
pub(crate) struct Rule {
    /// What the log and the attribute `rule` call it.
    pub(crate) name: Option<String>,
    /// What it does where it matches.
    pub(crate) effect: Effect,
    /// One of these methods. GET is HEAD as well.
    pub(crate) methods: Option<OneOf<Method>>,
    /// One of these paths, decoded. `{name}` and `*` are one segment; `*` at the end is the rest.
    pub(crate) paths: Option<OneOf<PathPattern>>,
    /// The client's address is in one of these networks.
    pub(crate) networks: Option<OneOf<Network>>,
    /// One of these consumers.
    pub(crate) consumers: Option<OneOf<String>>,
    /// One of these tiers.
    pub(crate) tiers: Option<OneOf<String>>,
    /// Scopes of the token: a list (any of them), or `any` and `all`.
    pub(crate) scopes: Option<Wanted>,
    /// Roles of the token: a list (any of them), or `any` and `all`.
    pub(crate) roles: Option<Wanted>,
    /// An expression.
    pub(crate) when: Option<Expression>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            default: Effect::Deny,
            role_claim: ClaimPath::default(),
            challenge: None,
            dry_run: false,
        }
    }
}

/// Each is looked at for each request, in the worst case.
const MAX_RULES: usize = 256;

impl Settings {
    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        match self.rules.len() {
            0 => errors.add(["rules"], "there are none: write [[plugins.NAME.config.rules]]"),
            count if count > MAX_RULES => {
                errors.add(["rules"], format!("{count} are more than {MAX_RULES}: make fewer"));
            }
            _ => {}
        }
        self.check_challenge(&mut errors);
        let mut names = BTreeMap::new();
        for (index, rule) in self.rules.iter().enumerate() {
            rule.check(index, &mut errors);
            let Some(name) = &rule.name else { continue };
            if let Some(first) = names.insert(name, index) {
                let text = format!("rule {} has this name already", first + 1);
                errors.add(["rules", &index.to_string(), "name"], text);
            }
        }
        errors.or(())
    }

    /// RFC 9110, 11.6.1: it begins with a scheme.
    fn check_challenge(&self, errors: &mut SettingErrors) {
        let Some(challenge) = &self.challenge else { return };
        let scheme = challenge.split(' ').next().unwrap_or_default();
        let is_scheme = HeaderName::try_from(scheme.to_owned()).is_ok();
        if !is_scheme || !challenge.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            errors.add(["challenge"], "write a challenge like 'Bearer realm=\"api\"'");
        }
    }
}

impl Rule {
    fn check(&self, index: usize, errors: &mut SettingErrors) {
        let index = index.to_string();
        if self.is_unconditional() {
            let text = "a rule without conditions matches everything: write `default` in its place";
            errors.add(["rules", &index], text);
        }
        let is_named = |name: &String| {
            !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control)
        };
        if !self.name.as_ref().is_none_or(is_named) {
            let text = "write 1 to 128 bytes of text without control characters";
            errors.add(["rules", &index, "name"], text);
        }
    }

    fn is_unconditional(&self) -> bool {
        self.methods.is_none()
            && self.paths.is_none()
            && self.networks.is_none()
            && self.consumers.is_none()
            && self.tiers.is_none()
            && self.scopes.is_none()
            && self.roles.is_none()
            && self.when.is_none()
    }
}
