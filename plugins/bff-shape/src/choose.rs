//! Which profile a request gets.

use serde_json::Value as Json;
use torana_plugin_sdk::{
    host::{HeaderError, ReadHeaders},
    prelude::*,
};

use crate::{agent, settings::Source};

/// What the sources say.
pub(crate) struct Choice {
    /// The profile's name, if any source gave one.
    pub(crate) profile: Option<String>,
    /// The request headers on which that depends.
    pub(crate) vary: Vec<String>,
    /// The client asked for a profile that there is not.
    pub(crate) is_unknown: bool,
}

/// What one source says.
enum Said {
    Nothing,
    Something(String),
    /// More than one thing, or what is no text.
    Nonsense,
}

/// Asks the sources one after the other.
pub(crate) fn choose(
    sources: &[Source],
    host: &impl Host,
    is_profile: impl Fn(&str) -> bool,
) -> Result<Choice, Failure> {
    let mut choice = Choice { profile: None, vary: Vec::new(), is_unknown: false };
    for source in sources {
        for header in source.vary() {
            if !choice.vary.contains(&header) {
                choice.vary.push(header);
            }
        }
        let profile = match source.ask(host)? {
            Said::Nothing => continue,
            Said::Nonsense => None,
            Said::Something(text) => source.profile(text).filter(|name| is_profile(name)),
        };
        // What the client says itself decides, right or wrong. Others do not know our profiles.
        if profile.is_some() || source.is_the_clients() {
            choice.is_unknown = profile.is_none();
            choice.profile = profile;
            return Ok(choice);
        }
    }
    Ok(choice)
}

impl Source {
    /// The request headers on which its answer depends. (A query is part of what caches look up.)
    fn vary(&self) -> Vec<String> {
        if let Some(header) = &self.header {
            return vec![header.to_string()];
        }
        if self.user_agent {
            return vec!["user-agent".into()];
        }
        match &self.vary {
            Some(headers) => headers.iter().map(ToString::to_string).collect(),
            None if self.claim.is_some() => vec!["authorization".into()],
            None => Vec::new(),
        }
    }

    fn is_the_clients(&self) -> bool {
        self.header.is_some() || self.query.is_some()
    }

    fn profile(&self, said: String) -> Option<String> {
        if self.values.is_empty() {
            return Some(said);
        }
        // A class of devices needs no line of its own where the profile has its name.
        let own = || self.user_agent.then(|| said.clone());
        self.values.get(&said).cloned().or_else(own)
    }

    fn ask(&self, host: &impl Host) -> Result<Said, Failure> {
        let attributes = host.attributes();
        if let Some(name) = &self.header {
            return header(&host.request(), name);
        }
        if let Some(name) = &self.query {
            return Ok(one(host.request().query_values(name)));
        }
        if let Some(name) = &self.attribute {
            return Ok(one(attributes.get(name).into_iter().collect()));
        }
        if let Some(path) = &self.claim {
            let Some(claims) = attributes.get("auth.claims") else { return Ok(Said::Nothing) };
            return Ok(claim(&serde_json::from_str(&claims)?, path));
        }
        let agent = match header(&host.request(), "user-agent")? {
            Said::Something(agent) => agent::class(&agent),
            Said::Nothing | Said::Nonsense => None,
        };
        Ok(agent.map_or(Said::Nothing, |class| Said::Something(class.into())))
    }
}

fn header(request: &impl ReadHeaders, name: &str) -> Result<Said, Failure> {
    match request.header_values(name) {
        Ok(values) => Ok(one(values)),
        Err(Refused { why: HeaderError::NotText, .. }) => Ok(Said::Nonsense),
        Err(refused) => Err(refused.into()),
    }
}

/// The same thing said twice is one thing.
fn one(mut values: Vec<String>) -> Said {
    values.retain(|value| !value.trim().is_empty());
    values.dedup();
    match values.as_slice() {
        [] => Said::Nothing,
        [value] => Said::Something(value.trim().to_owned()),
        _ => Said::Nonsense,
    }
}

fn claim(claims: &Json, path: &str) -> Said {
    let found = path.split('.').try_fold(claims, |value, name| value.get(name));
    match found {
        None | Some(Json::Null) => Said::Nothing,
        Some(Json::String(text)) => Said::Something(text.clone()),
        Some(other) => Said::Something(other.to_string()),
    }
}
