//! What is stored for a request.

use torana_plugin_sdk::prelude::*;

use crate::{
    Cache,
    entry::{Entry, Stored},
    exchange::Forward,
    key::{Keys, variant},
    read::value,
    settings::Query,
    store::Store,
    target::{Target, sorted},
};

/// What a look-up has found, and under which key that is or would be.
pub(crate) struct Found {
    pub(crate) key: String,
    pub(crate) entry: Result<Entry, Forward>,
}

impl Cache {
    /// What a request is for.
    pub(crate) fn target(host: &impl Host) -> Target {
        let request = host.request();
        Target {
            scheme: request.scheme(),
            authority: request.authority().to_ascii_lowercase(),
            path: request.path(),
            query: request.query(),
        }
    }

    /// The keys of a target, for whoever asks. None where the request lacks what they are made of: nothing is guessed of
    /// whose responses they would be.
    pub(crate) fn keys(&self, host: &impl Host, target: &Target) -> Option<Keys> {
        let values =
            self.settings.key.iter().map(|template| template.header_value(host).ok().flatten());
        let values = values.collect::<Option<Vec<_>>>()?;
        Some(self.keys_of(host, target, &values))
    }

    /// The keys of a target that was changed: whoever did that may lack what tells clients apart.
    pub(crate) fn keys_for_change(&self, host: &impl Host, target: &Target) -> Keys {
        self.keys(host, target).unwrap_or_else(|| self.keys_of(host, target, &[]))
    }

    fn keys_of(&self, host: &impl Host, target: &Target, values: &[String]) -> Keys {
        let query = match (self.settings.query, &target.query) {
            (_, None) => String::new(),
            // A query that is empty is not the same as none (RFC 3986, 6.2.3).
            (Query::Exact, Some(query)) => format!("?{query}"),
            (Query::Sorted, Some(query)) => format!("?{}", sorted(query)),
        };
        let route = host.request().route();
        let parts = self.key.iter().zip(values).flat_map(|(template, value)| [template, value]);
        let more = [&route].into_iter().chain(parts).map(String::as_str).collect::<Vec<_>>();
        Keys::of(&[&target.scheme, &target.authority, &target.path, &query], &more)
    }

    /// What is stored under these keys for the request at hand.
    pub(crate) fn find(&self, store: &Store<'_, impl Host>, keys: &Keys) -> Found {
        let nothing = |key, why| Found { key, entry: Err(why) };
        let (key, entry) = match store.get(&keys.base) {
            None => return nothing(keys.base.clone(), Forward::UriMiss),
            Some(Stored::Entry(entry)) => (keys.base.clone(), entry),
            Some(Stored::Index(index)) => {
                let request = store.host.request();
                let fields = index.names.iter().map(|name| Some((name, value(&request, name)?)));
                let Some(fields) = fields.collect::<Option<Vec<_>>>() else {
                    return nothing(keys.base.clone(), Forward::VaryMiss);
                };
                let key = variant(&keys.base, &index.generation, &fields);
                match store.entry(&key) {
                    Some(entry) => (key, entry),
                    None => return nothing(key, Forward::VaryMiss),
                }
            }
        };
        if self.is_outdated(store, keys, entry.head.asked) {
            return nothing(key, Forward::UriMiss);
        }
        Found { key, entry: Ok(entry) }
    }

    /// Whether the target was changed since something was asked for.
    pub(crate) fn is_outdated(
        &self,
        store: &Store<'_, impl Host>,
        keys: &Keys,
        asked: u64,
    ) -> bool {
        store.moment(&keys.changed()).is_some_and(|changed| asked <= changed)
    }
}
