//! `strip` and `rewrite`: the path that is forwarded.

use super::super::{Diagnostic, path, table::Table};

/// What becomes of the path on its way to the upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rewrite {
    /// Forwarded as received.
    #[default]
    None,
    /// `strip = "/api"`: this prefix is taken off.
    Strip(String),
    /// `rewrite = "/v2/{id}"`: a template of the route's parameters. A catch-all has its star here
    /// too, for it keeps its slashes.
    Template(String),
}

/// Reads both, of which there is one at most.
pub(super) fn read(table: &Table<'_>, path: &str, parameters: Option<&[String]>) -> Rewrite {
    if table.has("strip") && table.has("rewrite") {
        let message = "`strip` and `rewrite` both say what is forwarded";
        let problem = Diagnostic::error(table.span_of("rewrite"), message).label("take one out");
        table.cx.report(problem.help("`rewrite` alone can do both".to_owned()));
    }
    // Without a path there is nothing to hold them against.
    let Some(parameters) = parameters else { return Rewrite::None };
    let strip = |text: &str| path::strip(text, path).map(|()| Rewrite::Strip(text.to_owned()));
    let template = |text: &str| {
        path::rewrite(text, parameters).map(|()| Rewrite::Template(starred(text, path)))
    };
    let (strip, template) = (table.parse("strip", strip), table.parse("rewrite", template));
    template.or(strip).unwrap_or_default()
}

/// Gives the star of `match.path` to the catch-all of a template.
fn starred(template: &str, path: &str) -> String {
    match path::catch_all(path) {
        Some(name) => template.replace(&format!("{{{name}}}"), &format!("{{*{name}}}")),
        None => template.to_owned(),
    }
}
