//! Holds every component against the trusted keys.

use std::path::Path;

use super::{
    key::PublicKey,
    pin::pin,
    signature::{Signatures, Untrusted},
};
use crate::{
    config::{Config, Diagnostic, Diagnostics, PluginUse},
    plugin,
};

/// Refuses a configuration with components that no trusted key has signed. One that is good is
/// pinned to what was signed, so that no other file can come in after this look.
pub fn hold_to_signatures(config: &mut Config) -> Result<(), Diagnostics> {
    if config.trusted_keys.is_empty() {
        return Ok(());
    }
    let keys = keys(config)?;
    let mut problems = Diagnostics::default();
    let mut signed = Vec::new();
    for plugin in &config.plugins {
        match look(plugin, &keys) {
            Ok(sha256) => signed.push((plugin.name.clone(), sha256)),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    pin(config, |name| signed.iter().find(|(known, _)| **known == *name).map(|(_, sha256)| *sha256))
}

/// The id of the trusted key that has signed a file.
pub fn signer(file: &Path, sha256: &[u8; 32], trusted: &[PublicKey]) -> Result<String, Untrusted> {
    Signatures::of(file)?.verify(sha256, trusted)
}

fn keys(config: &Config) -> Result<Vec<PublicKey>, Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut keys = Vec::new();
    for trusted in &config.trusted_keys {
        match PublicKey::read(&trusted.path) {
            Ok(key) => keys.push(key),
            Err(why) => problems.push(Diagnostic::error(trusted.span, why)),
        }
    }
    if problems.is_empty() { Ok(keys) } else { Err(problems) }
}

fn look(plugin: &PluginUse, keys: &[PublicKey]) -> Result<[u8; 32], Diagnostic> {
    let wasm = plugin::read_component(plugin)?;
    let sha256 = plugin::sha256(&wasm);
    match signer(&plugin.component.path, &sha256, keys) {
        Ok(_) => Ok(sha256),
        Err(why) => {
            let message = format!("plugin `{}` is not let in: {why}", plugin.name);
            let help = "who trusts it signs it: torana plugin sign FILE --key KEY.pem";
            let problem = Diagnostic::error(plugin.component_span, message);
            Err(problem.label("[signatures] wants one").help(help.to_owned()))
        }
    }
}
