//! What is not as `torana.lock` has it, at its line.

use std::path::Path;

use super::{
    lock::{Lock, Locked, Unreadable},
    pin::pin,
};
use crate::{
    config::{Config, Diagnostic, Diagnostics, PluginUse},
    plugin::{self, Description},
};

const LOOK: &str = "look at what it is now; if you trust it, write the lock anew: torana lock";

/// Refuses a configuration whose plugins are not as `torana.lock` has them. One that is good is
/// pinned to the digests of the lock, so that no other file can come in after this look.
pub async fn hold_to_lock(
    config: &mut Config,
    describe: impl AsyncFn(&Path) -> Result<Description, String>,
) -> Result<(), Diagnostics> {
    let lock = Lock::read(&Lock::path(&config.source.path)).map_err(no_lock)?;
    let mut problems = Diagnostics::default();
    for plugin in &config.plugins {
        match lock.plugins.get(&*plugin.name) {
            None => problems.push(not_locked(plugin)),
            Some(locked) => match plugin::read_component(plugin) {
                Err(problem) => problems.push(problem),
                // The same bytes have the same type: there is nothing to compile for a look.
                Ok(wasm) if plugin::sha256(&wasm) == locked.sha256 => {
                    grants(plugin, locked, &mut problems);
                }
                Ok(_) => match describe(&plugin.component.path).await {
                    Err(why) => problems.push(Diagnostic::error(plugin.component_span, why)),
                    Ok(now) => changes(plugin, locked, &now, &mut problems),
                },
            },
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    pin(config, |name| lock.digest(name).copied())
}

fn no_lock(why: Unreadable) -> Diagnostics {
    let help = "write one with `torana lock`, read it, and keep it beside the configuration";
    Diagnostic::error(None, why.to_string()).help(help.to_owned()).into()
}

fn not_locked(plugin: &PluginUse) -> Diagnostic {
    let message = format!("plugin `{}` is not in torana.lock", plugin.name);
    Diagnostic::error(plugin.component_span, message).label("new").help(LOOK.to_owned())
}

fn changes(plugin: &PluginUse, was: &Locked, now: &Description, problems: &mut Diagnostics) {
    let name = &plugin.name;
    let now = Locked::of(plugin, now);
    let mut changed = |span, message: String, label: String| {
        let problem = Diagnostic::error(span, message).label(label);
        problems.push(problem.help(LOOK.to_owned()));
    };
    if was.sha256 != now.sha256 {
        let message = format!(
            "the component of plugin `{name}` has changed, from {} ({} bytes)",
            hex::encode(was.sha256),
            was.size
        );
        let label = format!("to {} ({} bytes)", hex::encode(now.sha256), now.size);
        changed(plugin.component_span, message, label);
    }
    for (verb, was, now) in
        [("imports", &was.imports, &now.imports), ("exports", &was.exports, &now.exports)]
    {
        for (adverb, what) in difference(was, now) {
            let message = format!("plugin `{name}` {adverb} {verb} {what}");
            changed(plugin.component_span, message, String::new());
        }
    }
    grants(plugin, was, problems);
}

fn grants(plugin: &PluginUse, was: &Locked, problems: &mut Diagnostics) {
    let now: Vec<String> = plugin.grants.list().iter().map(ToString::to_string).collect();
    for (adverb, grant) in difference(&was.grants, &now) {
        let message = format!("plugin `{}` is {adverb} granted `{grant}`", plugin.name);
        let problem = Diagnostic::error(plugin.grants.span, message).label(String::new());
        problems.push(problem.help(LOOK.to_owned()));
    }
}

/// What came, and then what went.
fn difference<'a>(
    was: &'a [String],
    now: &'a [String],
) -> impl Iterator<Item = (&'static str, &'a String)> {
    let came = now.iter().filter(|one| !was.contains(one)).map(|one| ("now", one));
    let went = was.iter().filter(|one| !now.contains(one)).map(|one| ("no longer", one));
    came.chain(went)
}
