//! The report as one page: no scripts, nothing to load, light and dark, on a screen of any width.

use std::fmt::{self, Write as _};

use super::{
    Finding, Report,
    facts::{PluginFacts, RouteFacts},
    holding::{Holding, Usage},
    text::{fields, links},
};

const STYLE: &str = include_str!("page.css");

// Writing to a string does not fail, so its results are let go.
pub(super) fn render(report: &Report) -> String {
    let file = Text(&report.file);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Audit of {file}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>Audit of <code>{file}</code></h1>\n<ul class=\"counts\">\n"
    );
    for (name, count) in report.summary.counts() {
        let none = if count == 0 { " none" } else { "" };
        let _ = writeln!(out, "<li class=\"{name}{none}\"><b>{count}</b> {name}</li>");
    }
    out.push_str("</ul>\n</header>\n<main>\n<section>\n<h2>Findings</h2>\n");
    if report.findings.is_empty() {
        out.push_str("<p>None.</p>\n");
    }
    report.findings.iter().for_each(|found| finding(&mut out, report, found));
    out.push_str("</section>\n<section>\n<h2>Routes</h2>\n");
    report.routes.iter().for_each(|facts| route(&mut out, facts));
    out.push_str("</section>\n<section>\n<h2>Plugins</h2>\n");
    report.plugins.iter().for_each(|facts| plugin(&mut out, facts));
    out.push_str("</section>\n</main>\n</body>\n</html>\n");
    out
}

fn finding(out: &mut String, report: &Report, finding: &Finding) {
    let severity = finding.severity.as_str();
    let _ = writeln!(
        out,
        "<article class=\"finding {severity}\">\n<h3><span class=\"badge\">{severity}</span> {}</h3>\n\
         <p>{}</p>\n<p class=\"place\"><code>{}:{}</code> {}</p>\n</article>",
        Marked(&finding.message),
        Marked(finding.help),
        Text(&report.file),
        finding.line,
        Text(finding.rule),
    );
}

fn route(out: &mut String, facts: &RouteFacts) {
    let access = facts.access;
    let _ = writeln!(
        out,
        "<article>\n<h3>{} <span class=\"badge {access}\">{access}</span></h3>\n<dl>",
        Text(&facts.name)
    );
    field(out, "path", &facts.path);
    for chain in &facts.chains {
        field(out, &format!("on {}", chain.listener), &links(chain));
    }
    field(out, "goes to", &facts.upstreams.join(", "));
    if let Some(mirror) = &facts.mirror {
        field(out, "copies to", mirror);
    }
    out.push_str("</dl>\n</article>\n");
}

fn plugin(out: &mut String, facts: &PluginFacts) {
    let _ = writeln!(out, "<article>\n<h3>{}</h3>\n<dl>", Text(&facts.name));
    for (name, value) in fields(facts) {
        field(out, name, &value);
    }
    out.push_str("<dt>grants</dt><dd>");
    if facts.grants.is_empty() {
        out.push_str("none");
    }
    facts.grants.iter().for_each(|held| grant(out, held));
    out.push_str("</dd>\n</dl>\n</article>\n");
}

fn grant(out: &mut String, held: &Holding) {
    let grant = Text(&held.grant);
    let _ = match held.usage {
        Usage::Used => write!(out, "<span class=\"grant\">{grant}</span> "),
        usage => {
            write!(out, "<span class=\"grant idle\">{grant}, {}</span> ", usage.as_str())
        }
    };
}

fn field(out: &mut String, name: &str, value: &str) {
    let value = if value.is_empty() { "none" } else { value };
    let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", Text(name), Text(value));
}

/// Text of others, in which no sign means anything to a browser.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|sign| match sign {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            sign => f.write_char(sign),
        })
    }
}

/// The same, where what stands between backticks is code.
struct Marked<'a>(&'a str);

impl fmt::Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.split('`').enumerate().try_for_each(|(index, part)| match index % 2 {
            0 => write!(f, "{}", Text(part)),
            _ => write!(f, "<code>{}</code>", Text(part)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Marked, Text};

    #[test]
    fn text_of_others_is_no_markup() {
        let text = Text("<script>\"a\" & 'b'</script>").to_string();
        let expected = "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;";
        assert_eq!(text, expected);
        let marked = Marked("plugin `<a>` sees").to_string();
        assert_eq!(marked, "plugin <code>&lt;a&gt;</code> sees");
    }
}
