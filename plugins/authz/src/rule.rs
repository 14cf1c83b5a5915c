//! Whether a rule matches a request. Nothing here knows the gateway.

use std::{borrow::Cow, net::IpAddr};

use serde_json::Value as Json;

use crate::{
    expression::{Facts, Name},
    names::OneOf,
    settings::{Effect, Rule},
    wanted::Wanted,
};

/// Whether it holds, or why there is no answer.
type Answer = Result<bool, String>;

impl Rule {
    /// Whether all conditions hold. The first that does not ends it.
    pub(crate) fn matches(&self, facts: &impl Facts, role_claim: &Name) -> Answer {
        Ok(self.fits_method(facts)?
            && self.fits_path(facts)?
            && self.fits_network(facts)?
            && is_one_of(&self.consumers, &Name::ConsumerId, facts)?
            && is_one_of(&self.tiers, &Name::ConsumerTier, facts)?
            && has(&self.scopes, &Name::Scopes, facts)?
            && has(&self.roles, role_claim, facts)?
            && self.fits_expression(facts)?)
    }

    /// Whether it depends on who it is.
    pub(crate) fn asks_who(&self) -> bool {
        let asks = |name: &Name| name.is_of_identity();
        self.consumers.is_some()
            || self.tiers.is_some()
            || self.scopes.is_some()
            || self.roles.is_some()
            || self.when.as_ref().is_some_and(|when| when.mentions(asks))
    }

    /// Whether it looks at the claims.
    pub(crate) fn reads_claims(&self) -> bool {
        let reads = |name: &Name| matches!(name, Name::Claims(_));
        self.roles.is_some() || self.when.as_ref().is_some_and(|when| when.mentions(reads))
    }

    fn fits_method(&self, facts: &impl Facts) -> Answer {
        let Some(OneOf(methods)) = &self.methods else { return Ok(true) };
        let Some(method) = text(&Name::Method, facts)? else { return Ok(false) };
        Ok(methods.iter().any(|wanted| match self.effect {
            Effect::Allow => method == wanted.as_str(),
            // Some services take `delete` for DELETE, and `head` for HEAD.
            Effect::Deny => {
                let is_head = wanted.as_str() == "GET" && method.eq_ignore_ascii_case("HEAD");
                is_head || method.eq_ignore_ascii_case(wanted.as_str())
            }
        }))
    }

    fn fits_path(&self, facts: &impl Facts) -> Answer {
        let Some(OneOf(paths)) = &self.paths else { return Ok(true) };
        let Some(path) = text(&Name::Path, facts)? else { return Ok(false) };
        Ok(paths.iter().any(|pattern| match self.effect {
            Effect::Allow => pattern.fits(&path),
            Effect::Deny => pattern.fits(&path) || pattern.fits_loosely(&path),
        }))
    }

    fn fits_network(&self, facts: &impl Facts) -> Answer {
        let Some(OneOf(networks)) = &self.networks else { return Ok(true) };
        let address = text(&Name::ClientAddress, facts)?.and_then(|text| text.parse().ok());
        let address: IpAddr = address.ok_or("the client has no address")?;
        Ok(networks.iter().any(|network| network.contains(address)))
    }

    fn fits_expression(&self, facts: &impl Facts) -> Answer {
        let Some(when) = &self.when else { return Ok(true) };
        when.holds(facts).map_err(|error| error.to_string())
    }
}

fn is_one_of(wanted: &Option<OneOf<String>>, name: &Name, facts: &impl Facts) -> Answer {
    let Some(OneOf(wanted)) = wanted else { return Ok(true) };
    let is = text(name, facts)?;
    Ok(is.is_some_and(|is| wanted.iter().any(|wanted| *wanted == is)))
}

/// Who has no names has none of those that are wanted.
fn has(wanted: &Option<Wanted>, name: &Name, facts: &impl Facts) -> Answer {
    let Some(wanted) = wanted else { return Ok(true) };
    let value = facts.value(name)?;
    let names = names(&value).ok_or_else(|| format!("`{name}` is no list of texts"))?;
    Ok(wanted.fits(&names))
}

/// A list of texts. One text is a list of one, and never searched: "administrator" is no "admin".
fn names(value: &Json) -> Option<Vec<&str>> {
    match value {
        Json::Null => Some(Vec::new()),
        Json::String(name) => Some(vec![name]),
        Json::Array(names) => names.iter().map(Json::as_str).collect(),
        _ => None,
    }
}

fn text<'a>(name: &Name, facts: &'a impl Facts) -> Result<Option<Cow<'a, str>>, String> {
    match facts.value(name)? {
        Cow::Borrowed(Json::String(text)) => Ok(Some(Cow::Borrowed(text))),
        Cow::Owned(Json::String(text)) => Ok(Some(Cow::Owned(text))),
        other if other.is_null() => Ok(None),
        _ => Err(format!("`{name}` is no text")),
    }
}
