//! Which response fields tell of the limits, and how they get into the response.

use torana_plugin_sdk::{host::Change, prelude::*};

use crate::{
    fields::{self, Reading, ResetFrom},
    settings::{LegacyFields, Settings},
};

/// Lists: several plugins, and the service itself, may each add to them.
const LISTS: [&str; 2] = ["ratelimit-policy", "ratelimit"];
/// Single values.
const LEGACY: [&str; 3] = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];

impl Settings {
    /// The fields of a response.
    fn fields(&self, host: &impl Host, readings: &[Reading<'_>]) -> Vec<(&'static str, String)> {
        let mut told = Vec::new();
        if self.fields {
            let values = [fields::policy(readings), fields::state(readings)];
            told.extend(LISTS.into_iter().zip(values));
        }
        let from = match self.legacy_fields {
            LegacyFields::None => return told,
            LegacyFields::Seconds => ResetFrom::Now,
            LegacyFields::Timestamp => ResetFrom::Epoch { now_ms: host.clock().unix_millis() },
        };
        if let Some(tightest) = fields::tightest(readings) {
            told.extend(LEGACY.into_iter().zip(fields::legacy(tightest, from)));
        }
        told
    }

    /// Adds the fields to a reply of our own, in which nothing else would put them.
    pub(crate) fn tell_in(
        &self,
        host: &impl Host,
        readings: &[Reading<'_>],
        reply: Reply,
    ) -> Reply {
        let fields = self.fields(host, readings);
        fields.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }

    /// Has the response say them. They are added to lists in the order of the way back.
    pub(crate) fn tell(&self, host: &impl Host, readings: &[Reading<'_>]) -> Result<(), Failure> {
        let fields = self.fields(host, readings).into_iter();
        let changes: Vec<_> = fields
            .map(|(name, value)| match LISTS.contains(&name) {
                true => Change::add(name, value),
                false => Change::set(name, value),
            })
            .collect();
        if self.attributes {
            let values = [fields::policy(readings), fields::state(readings)];
            leave(host, values)?;
        }
        if changes.is_empty() {
            return Ok(());
        }
        Ok(host.response_ahead().edit(&changes)?)
    }
}

/// For later plugins. The same plugin may stand in a chain twice: both are told of.
fn leave(host: &impl Host, values: [String; 2]) -> Result<(), Failure> {
    let attributes = host.attributes();
    let named = LISTS.into_iter().zip(values).map(|(name, value)| {
        let value = match attributes.get(name) {
            Some(before) => format!("{before}, {value}"),
            None => value,
        };
        (name.to_owned(), Some(value))
    });
    Ok(attributes.update(&named.collect::<Vec<_>>())?)
}
