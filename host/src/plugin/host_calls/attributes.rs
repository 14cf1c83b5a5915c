//! `attributes`.

use crate::{
    message::RESERVED_ATTRIBUTES,
    plugin::{
        bindings::attributes::{AttributeError, Host},
        state::State,
    },
};

impl Host for State {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let name = self.full_name(name);
        Ok(self.exchange("attributes.get")?.attributes.get(&name).map(str::to_owned))
    }

    fn set(&mut self, name: String, value: String) -> wasmtime::Result<Result<(), AttributeError>> {
        self.exchange("attributes.set")?;
        Ok(self.writable(name).and_then(|name| {
            let fits = self.exchange.attributes.set(name, value);
            fits.then_some(()).ok_or(AttributeError::TooLarge)
        }))
    }

    fn remove(&mut self, name: String) -> wasmtime::Result<Result<(), AttributeError>> {
        self.exchange("attributes.remove")?;
        Ok(self.writable(name).map(|name| self.exchange.attributes.remove(&name)))
    }

    fn update(
        &mut self,
        values: Vec<(String, Option<String>)>,
    ) -> wasmtime::Result<Result<(), (u32, AttributeError)>> {
        self.exchange("attributes.update")?;
        let mut named = Vec::with_capacity(values.len());
        for (index, (name, value)) in (0..).zip(values) {
            let has_nothing_to_lose = value.is_none() && !self.has_attribute(&name);
            match self.checked_name(name) {
                Ok(name) => named.push((index, name, value)),
                Err(_) if has_nothing_to_lose => {}
                Err(error) => return Ok(Err((index, self.noted(error)))),
            }
        }
        let updated = self.exchange.attributes.update(named);
        Ok(updated.map_err(|index| (index, AttributeError::TooLarge)))
    }
}

impl State {
    /// A name without a dot is the plugin's own: `[plugins.geo]` says `country`, and all others
    /// read `geo.country`.
    fn full_name(&self, name: String) -> String {
        if has_dot(&name) {
            return name;
        }
        self.own_name(&name)
    }

    fn has_attribute(&self, name: &str) -> bool {
        let attributes = &self.exchange.attributes;
        let own = |name| attributes.get(&self.own_name(name)).is_some();
        if has_dot(name) { attributes.get(name).is_some() } else { own(name) }
    }

    fn own_name(&self, name: &str) -> String {
        let plugin = &*self.context.name;
        let mut full = String::with_capacity(plugin.len() + 1 + name.len());
        full.push_str(plugin);
        full.push('.');
        full.push_str(name);
        full
    }

    fn writable(&self, name: String) -> Result<String, AttributeError> {
        self.checked_name(name).map_err(|error| self.noted(error))
    }

    /// The full name, if this plugin may write it. The prefix comes first: an entry that is called
    /// `auth` owns `auth.x`, and still not the reserved `auth.claims`.
    fn checked_name(&self, name: String) -> Result<String, AttributeError> {
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_legal) {
            return Err(AttributeError::InvalidName);
        }
        let own = !has_dot(&name);
        let name = if own { self.own_name(&name) } else { name };
        let allowed = match RESERVED_ATTRIBUTES.contains(&name.as_str()) {
            true => self.context.grants.attributes.contains(&name),
            false => own,
        };
        if allowed { Ok(name) } else { Err(AttributeError::Denied) }
    }

    /// What the audit log should have: a plugin has tried a name that it has no grant for.
    fn noted(&self, error: AttributeError) -> AttributeError {
        if matches!(error, AttributeError::Denied) {
            self.context.telemetry.incident(&self.context.name, "denied attribute");
        }
        error
    }
}

fn is_legal(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}

/// (Names are short: a search that is made for long texts takes longer to begin.)
fn has_dot(name: &str) -> bool {
    name.bytes().any(|byte| byte == b'.')
}
