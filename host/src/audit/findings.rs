//! What somebody should look at. A rule is a function: facts in, findings out.

mod network;
mod plugins;

use serde::Serialize;

use super::{Subject, facts, facts::PluginFacts};
use crate::config::Span;

/// How grave a finding is, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Data or access can be lost as it stands.
    High,
    /// One more mistake, or one more trusted party, away from that.
    Medium,
    /// Good practice that is missing.
    Low,
    /// Worth knowing, and perhaps meant.
    #[value(skip)]
    Info,
}

impl Severity {
    /// `high`, `medium`, `low` or `info`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

/// One thing to look at.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// A stable name, to filter by.
    pub rule: &'static str,
    /// The line of the file.
    pub line: usize,
    /// What there is, in one line.
    pub message: String,
    /// What to do about it.
    pub help: &'static str,
}

/// Everything that the rules find, the gravest first and then in the file's order.
pub(super) fn of(subject: &Subject<'_>, facts: &[PluginFacts]) -> Vec<Finding> {
    let mut found = Found { subject, findings: Vec::new() };
    routes(&mut found);
    plugins::find(&mut found, facts);
    network::find(&mut found);
    signatures(&mut found, facts);
    let mut findings = found.findings;
    findings.sort_by_key(|finding| (finding.severity, finding.line));
    findings
}

/// What was found so far.
struct Found<'s, 'a> {
    subject: &'s Subject<'a>,
    findings: Vec<Finding>,
}

impl Found<'_, '_> {
    fn add(
        &mut self,
        severity: Severity,
        rule: &'static str,
        span: Span,
        message: String,
        help: &'static str,
    ) {
        let line = facts::line(self.subject.config, span);
        self.findings.push(Finding { severity, rule, line, message, help });
    }
}

fn signatures(found: &mut Found<'_, '_>, facts: &[PluginFacts]) {
    if found.subject.config.trusted_keys.is_empty() && !facts.is_empty() {
        let message = "no component needs a signature".to_owned();
        let help = "name in [signatures] the keys of those who may sign them";
        found.add(Severity::Low, "no-signatures", Span::default(), message, help);
    }
}

fn routes(found: &mut Found<'_, '_>) {
    let config = found.subject.config;
    for route in config.routes.iter().filter(|route| !config.is_guarded(route)) {
        let name = &route.name;
        match route.public {
            true => found.add(
                Severity::Info,
                "public-route",
                route.span,
                format!("route `{name}` is public"),
                "nothing, if everybody may use it",
            ),
            false => found.add(
                Severity::High,
                "no-authentication",
                route.span,
                format!("route `{name}` lets in whoever calls"),
                "put an authenticating plugin into its chain, or write public = true",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use super::*;
    use crate::{
        audit::Report,
        config::{Config, LoadOptions, Source},
        filter::Hooks,
        plugin::{Description, Import},
    };

    const GATEWAY: &str = r#"
[listen.public]
address = "127.0.0.1:8080"

[plugins.spy]
component = "spy"
grants = GRANTS
config = CONFIG

[[routes]]
name = "all"
match = { path = "/{*rest}" }
chain = ["spy"]
public = true
reply = { status = 204 }
"#;

    /// What is found, without what is found of everybody here, where a component of this type has these grants.
    fn found(grants: &str, imports: &[&str], hooks: Hooks) -> Vec<(Severity, &'static str)> {
        found_with("{}", grants, imports, hooks)
    }

    fn found_with(
        config: &str,
        grants: &str,
        imports: &[&str],
        hooks: Hooks,
    ) -> Vec<(Severity, &'static str)> {
        let text = GATEWAY.replace("GRANTS", grants).replace("CONFIG", config);
        let source = Source::new("gateway.toml", text);
        let options = LoadOptions {
            components: Some("/".into()),
            environment: Arc::new(|_| Some("Bearer from-outside".into())),
            ..LoadOptions::default()
        };
        let (config, _) = Config::parse(Arc::new(source), &options).unwrap();
        let spy = Description {
            sha256: [0; 32],
            size: 1,
            hooks,
            imports: imports.iter().map(|i| Import::Capability((*i).to_owned())).collect(),
            wit_version: "0".into(),
        };
        let components = HashMap::from([(config.plugins[0].component.path.clone(), spy)]);
        let report = Report::of(&Subject { config: &config, components: &components, lock: None });
        let findings = report
            .findings
            .iter()
            .filter(|f| f.severity != Severity::Info && f.rule != "no-signatures");
        findings.map(|finding| (finding.severity, finding.rule)).collect()
    }

    const NOT_PINNED: (Severity, &str) = (Severity::Low, "not-pinned");

    #[test]
    fn who_sees_bodies_and_may_call_an_origin_can_tell_it() {
        let pair = [(Severity::High, "bodies-and-origin"), NOT_PINNED];
        let origin = "{ fetch = [\"https://a.example\"], request-body = \"read\" }";
        let hooks = Hooks { request_body: true, ..Hooks::default() };
        assert_eq!(found(origin, &["request-body", "fetch"], hooks), pair);
        // Granted, but not imported: it cannot call.
        let unused = [NOT_PINNED, (Severity::Low, "unused-grant")];
        assert_eq!(found(origin, &["request-body"], hooks), unused);
        // A stream passes its memory without an import.
        let stream = Hooks { response_stream: true, ..Hooks::default() };
        assert_eq!(found("{ fetch = [\"https://a.example\"] }", &["fetch"], stream), pair);
    }

    #[test]
    fn who_reads_credentials_and_may_call_an_origin_can_tell_them() {
        let grants = "{ fetch = [\"https://a.example\"], headers.read = [\"cookie\"] }";
        let hooks = Hooks { request_head: true, ..Hooks::default() };
        let expected = [(Severity::Medium, "credentials-and-origin"), NOT_PINNED];
        assert_eq!(found(grants, &["request", "fetch"], hooks), expected);
    }

    #[test]
    fn who_may_write_every_credential_is_found() {
        let grants = "{ request-edit = true, headers.write = [\"authorization\", \"cookie\", \
                      \"proxy-authorization\"] }";
        let hooks = Hooks { request_head: true, ..Hooks::default() };
        let expected = [(Severity::Medium, "all-credentials"), NOT_PINNED];
        assert_eq!(found(grants, &["request-edit"], hooks), expected);
    }

    #[test]
    fn credentials_in_the_file_are_found() {
        let hooks = Hooks { request_head: true, ..Hooks::default() };
        let of = |config: &str| found_with(config, "{}", &[], hooks);
        let plain = [(Severity::Medium, "plain-secret"), NOT_PINNED];
        assert_eq!(of("{ set = { authorization = \"Bearer abc\" } }"), plain);
        assert_eq!(of("{ keys = [\"one\", 'sk-live-4242424242424242'] }"), plain);
        let outside =
            "{ set = { authorization = \"Bearer {attributes.x}\", x = { env = \"KEY\" } } }";
        assert_eq!(of(outside), [NOT_PINNED]);
    }
}
