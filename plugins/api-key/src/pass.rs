//! What follows from who it is: attributes, headers, the upstream.

use std::collections::{BTreeMap, BTreeSet};

use template::{Fault, Template};
use torana_plugin_sdk::prelude::*;

use crate::{registry::Identity, settings::Consumer};

/// What to do with requests that pass.
pub(crate) struct Pass {
    pub(crate) headers: HeaderTable<EditableName, Template>,
    pub(crate) upstreams: BTreeMap<String, String>,
    /// Every header that some consumer gets: none may come from a client.
    ours: BTreeSet<EditableName>,
}

/// Headers to set.
pub(crate) type Values<'a> = BTreeMap<&'a str, String>;

impl Pass {
    pub(crate) fn new(
        headers: HeaderTable<EditableName, Template>,
        upstreams: BTreeMap<String, String>,
        consumers: &[Consumer],
    ) -> Self {
        let of_consumers = consumers.iter().flat_map(|consumer| consumer.headers.keys());
        let ours = headers.keys().chain(of_consumers).cloned().collect();
        Self { headers, upstreams, ours }
    }

    /// Says who it is to the plugins after this one.
    pub(crate) fn set_attributes(
        &self,
        identity: Identity<'_>,
        host: &impl Host,
    ) -> Result<(), Failure> {
        let consumer = identity.consumer;
        let attributes = host.attributes();
        let is_another = attributes.get("consumer.id").as_ref() != Some(&consumer.id);
        let mut values = vec![
            ("consumer.id".to_owned(), Some(consumer.id.clone())),
            // Where another plugin knew somebody else, two halves make no consumer: none takes its tier away.
            ("consumer.tier".to_owned(), consumer.tier.clone()),
        ];
        // Nor do this one's key and the token of the other.
        let of_token = ["auth.scopes", "auth.claims"].into_iter().filter(|_| is_another);
        values.extend(of_token.map(|name| (name.to_owned(), None)));
        values.extend(identity.key_name().map(|name| ("key".to_owned(), Some(name.to_owned()))));
        let own = consumer.attributes.iter();
        values.extend(own.map(|(name, value)| (name.clone(), Some(value.clone()))));
        Ok(attributes.update(&values)?)
    }

    /// Fills the templates in, before the head is changed. Those of the consumer go first.
    pub(crate) fn values<'a>(
        &'a self,
        consumer: Option<&'a Consumer>,
        host: &impl Host,
    ) -> Result<Values<'a>, Fault> {
        let own = consumer.into_iter().flat_map(|consumer| consumer.headers.iter());
        let templates: BTreeMap<&str, &Template> =
            self.headers.iter().chain(own).map(|(name, template)| (&**name, template)).collect();
        let mut values = Values::new();
        for (name, template) in templates {
            if let Some(value) = template.header_value(host)? {
                values.insert(name, value);
            }
        }
        Ok(values)
    }

    /// Sets our headers and removes the client's.
    pub(crate) fn set_headers(&self, values: &Values<'_>, host: &impl Host) -> Result<(), Failure> {
        let edit = host.request_edit();
        for name in &self.ours {
            match values.get(&**name) {
                Some(value) => edit.set_header(name, value)?,
                None => edit.remove_header(name)?,
            }
        }
        Ok(())
    }

    /// Chooses the upstream of the consumer or of its tier. Others stay with the route's.
    pub(crate) fn choose_upstream(
        &self,
        consumer: &Consumer,
        host: &impl Host,
    ) -> Result<(), Failure> {
        let of_tier = || self.upstreams.get(consumer.tier.as_ref()?);
        match consumer.upstream.as_ref().or_else(of_tier) {
            Some(name) => Ok(host.request_edit().choose_upstream(name)?),
            None => Ok(()),
        }
    }

    /// Tiers with an upstream that nobody has: often a slip of the pen.
    pub(crate) fn tiers_of_nobody<'a>(
        &'a self,
        consumers: &'a [Consumer],
    ) -> impl Iterator<Item = &'a str> {
        let is_somebodys = |tier: &str| consumers.iter().any(|c| c.tier.as_deref() == Some(tier));
        self.upstreams.keys().map(String::as_str).filter(move |tier| !is_somebodys(tier))
    }
}
