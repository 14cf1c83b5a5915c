//! `attributes`.

use crate::{
    message::RESERVED_ATTRIBUTES,
    plugin::{
        bindings::attributes::{AttributeError, Host},
        instance::State,
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

    fn own_name(&self, name: &str) -> String {
        let plugin = &*self.context.name;
        let mut full = String::with_capacity(plugin.len() + 1 + name.len());
        full.push_str(plugin);
        full.push('.');
        full.push_str(name);
        full
    }

    /// The full name, if this plugin may write it. The prefix comes first: an entry that is called
    /// `auth` owns `auth.x`, and still not the reserved `auth.claims`.
    fn writable(&self, name: String) -> Result<String, AttributeError> {
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_legal) {
            return Err(AttributeError::InvalidName);
        }
        let own = !has_dot(&name);
        let name = if own { self.own_name(&name) } else { name };
        let allowed = match RESERVED_ATTRIBUTES.contains(&name.as_str()) {
            true => self.context.grants.attributes.contains(&name),
            false => own,
        };
        if allowed {
            return Ok(name);
        }
        self.context.telemetry.incident(&self.context.name, "denied attribute");
        Err(AttributeError::Denied)
    }
}

fn is_legal(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}

/// (Names are short: a search that is made for long texts takes longer to begin.)
fn has_dot(name: &str) -> bool {
    name.bytes().any(|byte| byte == b'.')
}
