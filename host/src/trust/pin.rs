//! What was looked at is what is loaded.

use crate::config::{Config, Diagnostic, Diagnostics, PluginUse};

/// Pins every plugin to the digest that was seen, so that no other file can come in between the look
/// and the load. A pin of the file's own that says otherwise is an error, and never wins.
pub(super) fn pin(
    config: &mut Config,
    seen: impl Fn(&str) -> Option<[u8; 32]>,
) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    for plugin in config.loaded_mut() {
        let Some(digest) = seen(&plugin.name) else { continue };
        match plugin.component.sha256 {
            Some(pinned) if pinned != digest => problems.push(contradiction(plugin, &digest)),
            _ => plugin.component.sha256 = Some(digest),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn contradiction(plugin: &PluginUse, digest: &[u8; 32]) -> Diagnostic {
    let message = format!(
        "the component of plugin `{}` is pinned to another digest than it has, {}",
        plugin.name,
        hex::encode(digest)
    );
    Diagnostic::error(plugin.component_span, message)
}
