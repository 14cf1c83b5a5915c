//! Which response fields tell of the limits, and how they get from the request hook to the
//! response.

use torana_plugin_sdk::{
    host::{Attributes as _, EditHeaders as _},
    prelude::*,
};

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
    fn fields(&self, host: &impl Host, readings: &[Reading]) -> Vec<(&'static str, String)> {
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

    /// Adds the fields to a reply of our own: our response hook does not see it.
    pub(crate) fn tell_in(&self, host: &impl Host, readings: &[Reading], reply: Reply) -> Reply {
        let fields = self.fields(host, readings);
        fields.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }

    /// Leaves the fields to the response hook, as attributes of the same names.
    pub(crate) fn leave(&self, host: &impl Host, readings: &[Reading]) -> Result<(), Failure> {
        let attributes = host.attributes();
        // The same plugin may stand in a chain twice: both tell. Lists are left together, so that where
        // one is missing the other need not be asked for.
        let [first, other] = LISTS;
        let before = self.fields.then(|| attributes.get(first)).flatten();
        let mut before =
            before.map(|list| [Some(list), attributes.get(other)]).into_iter().flatten();
        for (name, value) in self.fields(host, readings) {
            match before.next().flatten() {
                Some(before) => attributes.set(name, &format!("{before}, {value}"))?,
                None => attributes.set(name, &value)?,
            }
        }
        Ok(())
    }

    /// Puts into the response what the request hook left.
    pub(crate) fn tell(&self, host: &impl Host) -> Result<(), Failure> {
        let (attributes, response) = (host.attributes(), host.response_edit());
        let lists = LISTS.iter().filter(|_| self.fields);
        let legacy = LEGACY.iter().filter(|_| self.legacy_fields != LegacyFields::None);
        for &name in lists.chain(legacy) {
            let Some(value) = attributes.get(name) else { continue };
            match LISTS.contains(&name) {
                true => response.add_header(name, &value)?,
                false => response.set_header(name, &value)?,
            }
            attributes.remove(name)?;
        }
        Ok(())
    }
}
