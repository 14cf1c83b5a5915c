//! What a security team asks of a configuration: what each route lets in, what each plugin sees and
//! whom it may call, and what somebody should look at.
//!
//! ```text
//! facts      routes and plugins, as the file and the components' types have them
//! holding    a grant held against the imports: used, unused, wider than needed
//! findings   what somebody should look at: rules over the whole
//! text | html    the report, for a terminal and for a browser (JSON is the report itself)
//! ```
//!
//! Everything here is read off the checked configuration and the components' types; nothing runs.

mod facts;
mod findings;
mod holding;
mod html;
mod text;

use std::{collections::HashMap, path::PathBuf};

use serde::Serialize;

use crate::{config::Config, plugin::Description, trust::Lock};
use facts::{PluginFacts, RouteFacts};
pub use findings::{Finding, Severity};

/// The whole of it, in the order in which it is shown.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The configuration's path, as it was given.
    pub file: String,
    /// How many findings of each severity there are.
    pub summary: Summary,
    /// The gravest first; of equal ones, in the file's order.
    pub findings: Vec<Finding>,
    routes: Vec<RouteFacts>,
    plugins: Vec<PluginFacts>,
}

/// Findings, counted.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    high: usize,
    medium: usize,
    low: usize,
    info: usize,
}

/// What is looked at.
pub struct Subject<'a> {
    /// A configuration that `check` takes.
    pub config: &'a Config,
    /// What each component is, by its file.
    pub components: &'a HashMap<PathBuf, Description>,
    /// `torana.lock`, where there is one.
    pub lock: Option<&'a Lock>,
}

impl Report {
    /// Looks at everything.
    pub fn of(subject: &Subject<'_>) -> Self {
        let routes = facts::routes(subject.config);
        let plugins = facts::plugins(subject);
        let findings = findings::of(subject, &plugins);
        let file = subject.config.source.path.display().to_string();
        Self { file, summary: Summary::of(&findings), findings, routes, plugins }
    }

    /// For a terminal.
    pub fn to_text(&self) -> String {
        text::render(self)
    }

    /// One page that needs nothing else, for a browser.
    pub fn to_html(&self) -> String {
        html::render(self)
    }

    /// For programs.
    pub fn to_json(&self) -> String {
        // Texts and numbers only: nothing that could not be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Whether there is a finding that is this grave or graver.
    pub fn reaches(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity <= severity)
    }
}

impl Summary {
    fn of(findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
        Self {
            high: count(Severity::High),
            medium: count(Severity::Medium),
            low: count(Severity::Low),
            info: count(Severity::Info),
        }
    }

    /// With their names, the gravest first.
    fn counts(&self) -> [(&'static str, usize); 4] {
        [("high", self.high), ("medium", self.medium), ("low", self.low), ("info", self.info)]
    }
}
