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
        if name.contains('.') { name } else { [&self.context.name, ".", &name].concat() }
    }

    /// The full name, if this plugin may write it. The prefix comes first: an entry that is called
    /// `auth` owns `auth.x`, and still not the reserved `auth.claims`.
    fn writable(&self, name: String) -> Result<String, AttributeError> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(legal) {
            return Err(AttributeError::InvalidName);
        }
        let own = !name.contains('.');
        let name = self.full_name(name);
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
