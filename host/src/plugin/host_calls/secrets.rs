//! `secrets`: the text of a secret, where that is granted.

use std::sync::Arc;

use crate::plugin::{
    bindings::secrets::{Host, SecretError},
    state::State,
};

impl Host for State {
    fn reveal(&mut self, name: String) -> wasmtime::Result<Result<String, SecretError>> {
        let granted = self.context.grants.secrets_reveal.contains(&name);
        let value = self.context.secrets.get(&name).filter(|_| granted);
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        if !granted {
            self.context.telemetry.incident(&self.context.name, "denied secret");
        }
        Ok(text.map(str::to_owned).ok_or(SecretError::Denied))
    }
}

impl State {
    /// The value of a secret that this plugin may use without seeing it.
    pub(super) fn secret(&self, name: &str) -> Option<Arc<[u8]>> {
        let granted = self.context.grants.secrets_use.iter().any(|granted| granted == name);
        self.context.secrets.get(name).filter(|_| granted).cloned()
    }
}
