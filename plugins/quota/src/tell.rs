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
    /// What is to be in a response: fields to add, and fields to set.
    fn changes(&self, host: &impl Host, readings: &[Reading<'_>]) -> Vec<Change> {
        let mut told = Vec::with_capacity(LISTS.len() + LEGACY.len());
        if self.fields {
            told.push(Change::add(LISTS[0], fields::policy(readings)));
            told.push(Change::add(LISTS[1], fields::state(readings)));
        }
        let from = match self.legacy_fields {
            LegacyFields::None => return told,
            LegacyFields::Seconds => ResetFrom::Now,
            LegacyFields::Timestamp => ResetFrom::Epoch { now_ms: host.clock().unix_millis() },
        };
        if let Some(tightest) = fields::tightest(readings) {
            let values = LEGACY.into_iter().zip(fields::legacy(tightest, from));
            told.extend(values.map(|(name, value)| Change::set(name, value)));
        }
        told
    }

    /// Adds the fields to a reply of our own, in which nothing else would put them.
    pub(crate) fn tell_in(
        &self,
        host: &impl Host,
        readings: &[Reading<'_>],
        mut reply: Reply,
    ) -> Reply {
        for change in self.changes(host, readings) {
            if let Change::Add(field) | Change::Set(field) = change {
                reply.headers.push(field);
            }
        }
        reply
    }

    /// Has the response say them. They are added to lists in the order of the way back.
    pub(crate) fn tell(&self, host: &impl Host, readings: &[Reading<'_>]) -> Result<(), Failure> {
        let changes = self.changes(host, readings);
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
