//! Why a plugin does not start, at its place in the TOML.

use super::{bindings::SettingError, instance::StartError};
use crate::{
    config::{Diagnostic, PluginUse},
    filter::Cause,
};

/// Everything that is wrong.
pub(super) fn explain(wanted: &PluginUse, error: StartError) -> Vec<Diagnostic> {
    match error {
        StartError::Settings(wrong) => wrong.iter().map(|w| wrong_setting(wanted, w)).collect(),
        StartError::Failed(cause) => {
            let message = format!("plugin `{}` does not start: {cause}", wanted.name);
            let problem = Diagnostic::error(wanted.component_span, message);
            vec![match cause {
                Cause::Startup(_) => problem.help(raise("startup")),
                Cause::Memory(_) => problem.help(raise("memory")),
                _ => problem,
            }]
        }
    }
}

fn raise(limit: &str) -> String {
    format!("raise `limits.{limit}`, if the plugin is sound")
}

fn wrong_setting(wanted: &PluginUse, wrong: &SettingError) -> Diagnostic {
    let at = wrong.path.join(".");
    let message = match at.as_str() {
        "" => format!("plugin `{}`: {}", wanted.name, wrong.message),
        _ => format!("plugin `{}`, setting `{at}`: {}", wanted.name, wrong.message),
    };
    Diagnostic::error(wanted.settings.locate(&wrong.path), message)
}
