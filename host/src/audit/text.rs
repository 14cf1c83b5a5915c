//! The report for a terminal.

use std::{fmt::Write as _, time::Duration};

use super::{
    Report,
    facts::{ChainFacts, LimitFacts, LinkFacts, PluginFacts, RouteFacts},
    holding::{Holding, Usage},
};
use crate::config::{show_duration, show_size};

// Writing to a string does not fail, so its results are let go.
pub(super) fn render(report: &Report) -> String {
    let counts = report.summary.counts().map(|(name, count)| format!("{count} {name}"));
    let mut out = format!("{}: {}\n", report.file, counts.join(", "));
    for finding in &report.findings {
        let (severity, rule) = (finding.severity.as_str(), finding.rule);
        let _ = writeln!(out, "\n{severity}: {} [{rule}]", finding.message);
        let _ = writeln!(out, "  --> {}:{}", report.file, finding.line);
        let _ = writeln!(out, "  help: {}", finding.help);
    }
    out.push_str("\nROUTES\n");
    report.routes.iter().for_each(|facts| route(&mut out, facts));
    out.push_str("\nPLUGINS\n");
    report.plugins.iter().for_each(|facts| plugin(&mut out, facts));
    out
}

fn route(out: &mut String, facts: &RouteFacts) {
    let _ = writeln!(out, "  {} ({}) {}", facts.name, facts.access, facts.path);
    for chain in &facts.chains {
        field(out, &format!("on {}", chain.listener), &links(chain));
    }
    field(out, "goes to", &facts.upstreams.join(", "));
    if let Some(mirror) = &facts.mirror {
        field(out, "copies to", mirror);
    }
}

/// `auth > shape (without fetch catalog)`
pub(super) fn links(chain: &ChainFacts) -> String {
    let link = |link: &LinkFacts| match link.without.as_slice() {
        [] => link.plugin.clone(),
        without => format!("{} (without {})", link.plugin, without.join(", ")),
    };
    chain.plugins.iter().map(link).collect::<Vec<_>>().join(" > ")
}

fn plugin(out: &mut String, facts: &PluginFacts) {
    let _ = writeln!(out, "  {}", facts.name);
    for (name, value) in fields(facts) {
        field(out, name, &value);
    }
    for held in &facts.grants {
        field(out, "grant", &grant(held));
    }
}

/// What is said of a plugin, but for its grants.
pub(super) fn fields(facts: &PluginFacts) -> Vec<(&'static str, String)> {
    vec![
        ("component", format!("{}, {} bytes", facts.component, facts.size)),
        ("sha256", facts.sha256.clone()),
        ("pinned by", facts.pinned_by.to_owned()),
        ("signed by", signers(facts)),
        ("hooks", facts.hooks.join(", ")),
        ("sees", facts.sees.join(", ")),
        ("imports", facts.imports.join(", ")),
        ("may call", facts.calls.join(", ")),
        ("isolation", facts.isolation.to_owned()),
        ("on error", both(&facts.on_error.request, &facts.on_error.response)),
        ("limits", limits(&facts.limits)),
        ("used by", facts.used_by.join(", ")),
    ]
}

fn limits(limits: &LimitFacts) -> String {
    let time = |ms| show_duration(Duration::from_millis(ms));
    let (cpu, wall) = (time(limits.cpu_ms), time(limits.wall_ms));
    let (memory, body) = (show_size(limits.memory_bytes), show_size(limits.body_bytes));
    format!("cpu {cpu}, wall {wall}, memory {memory}, body {body}, {} fetches", limits.fetches)
}

fn signers(facts: &PluginFacts) -> String {
    let signers = facts.signed_by.join(", ");
    match (signers.is_empty(), facts.signature_held) {
        (true, _) => "nobody".to_owned(),
        (false, true) => signers,
        (false, false) => format!("{signers} (not verified: no [signatures])"),
    }
}

fn both(request: &str, response: &str) -> String {
    match request == response {
        true => request.to_owned(),
        false => format!("{request}; in the response phase {response}"),
    }
}

fn grant(held: &Holding) -> String {
    match held.usage {
        Usage::Used => held.grant.clone(),
        usage => format!("{} ({})", held.grant, usage.as_str()),
    }
}

fn field(out: &mut String, name: &str, value: &str) {
    let value = if value.is_empty() { "-" } else { value };
    let _ = writeln!(out, "    {name:<11} {value}");
}
