//! What one request is to get: decided at its head, kept with it for its response.

use std::collections::BTreeMap;

use torana_plugin_sdk::{
    prelude::*,
    serde::{Deserialize, Serialize},
};

/// The attributes that keep it. The first is for others too: the access log, templates.
const PROFILE: &str = "profile";
const VIEW: &str = "view";

/// What a request is to get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// The profile's name.
    pub(crate) profile: String,
    pub(crate) more: More,
}

/// What few requests have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(crate = "torana_plugin_sdk::serde", default)]
pub(crate) struct More {
    /// The request headers on which the choice of the profile depends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) vary: Vec<String>,
    /// What the client selects, as it sent it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<String>,
    /// Parameters of limits, as the client sent them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pages: BTreeMap<String, String>,
    /// The client asked whether a document of this profile has changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) asks_for_change: bool,
}

impl View {
    /// Keeps it with the exchange. (The response hooks may see another query and other headers:
    /// those that later plugins made for the upstream.)
    pub(crate) fn keep(&self, host: &impl Host) -> Result<(), Failure> {
        let attributes = host.attributes();
        attributes.set(PROFILE, &self.profile)?;
        if self.more != More::default() {
            attributes.set(VIEW, &serde_json::to_string(&self.more)?)?;
        }
        Ok(())
    }

    /// The one that was kept; none where the request's hook did not run to its end.
    pub(crate) fn kept(host: &impl Host) -> Result<Option<Self>, Failure> {
        let attributes = host.attributes();
        let Some(profile) = attributes.get(PROFILE) else { return Ok(None) };
        let more = attributes.get(VIEW).map(|text| serde_json::from_str(&text)).transpose()?;
        Ok(Some(Self { profile, more: more.unwrap_or_default() }))
    }
}
