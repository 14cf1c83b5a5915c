//! Why a plugin does not start, at its place in the TOML.

use super::instance::StartError;
use crate::{
    config::{Diagnostic, PluginUse},
    filter::Cause,
};

/// Everything that is wrong.
pub(super) fn explain(wanted: &PluginUse, error: StartError) -> Vec<Diagnostic> {
    match error {
        StartError::Settings(wrong) => {
            wrong.iter().map(|wrong| wrong_setting(wanted, &wrong.path, &wrong.message)).collect()
        }
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

/// What is wrong with a setting, where it stands.
pub fn wrong_setting(wanted: &PluginUse, path: &[String], message: &str) -> Diagnostic {
    let at = path.join(".");
    let message = match at.as_str() {
        "" => format!("plugin `{}`: {message}", wanted.name),
        _ => format!("plugin `{}`, setting `{at}`: {message}", wanted.name),
    };
    Diagnostic::error(wanted.settings.locate(path), message)
}
