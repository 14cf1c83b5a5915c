//! Diagnostics as text for people and as JSON for editors.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::{Diagnostic, Diagnostics, Severity, Source, Span};

/// Wide enough for any sensible line; a longer one is cut around the underlined text.
const WIDTH: usize = 160;

impl Diagnostics {
    /// For each one: `FILE:LINE:COL: error: MESSAGE`, the underlined text, `help: ...`.
    pub fn render(&self, source: &Source, color: bool) -> String {
        let parts: Vec<_> = self.iter().map(|d| render(d, source, color)).collect();
        parts.join("\n")
    }

    /// An array of `{file, line, column, end_line, end_column, severity, message, label, help}`.
    pub fn to_json(&self, source: &Source) -> Value {
        self.iter().map(|diagnostic| to_json(diagnostic, source)).collect()
    }
}

fn render(diagnostic: &Diagnostic, source: &Source, color: bool) -> String {
    let file = source.path.display();
    let paint = Paint { on: color, severity: diagnostic.severity };
    let headline = paint.headline(diagnostic);
    let Some(span) = diagnostic.span else {
        return format!("{file}: {headline}\n{}", help(diagnostic, &paint));
    };
    let (line, column) = source.position(span.start);
    let snippet = snippet(diagnostic, span, source, color);
    format!("{file}:{line}:{column}: {headline}\n{snippet}\n{}", help(diagnostic, &paint))
}

fn help(diagnostic: &Diagnostic, paint: &Paint) -> String {
    let line = |text: &String| format!("{} {text}\n", paint.bold("help:"));
    diagnostic.help.as_ref().map(line).unwrap_or_default()
}

fn snippet(diagnostic: &Diagnostic, span: Span, source: &Source, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let label = (!diagnostic.label.is_empty()).then_some(diagnostic.label.as_str());
    let range = source.clamp(span);
    let annotation = AnnotationKind::Primary.span(range).label(label);
    let group = Group::with_level(level)
        .element(Snippet::source(source.text.as_str()).annotation(annotation));
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(WIDTH).render(&[group])
}

/// The few colours of the lines that are written here.
struct Paint {
    on: bool,
    severity: Severity,
}

impl Paint {
    fn headline(&self, diagnostic: &Diagnostic) -> String {
        let severity = format!("{}:", self.severity.as_str());
        let colour = match self.severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
        };
        format!("{} {}", self.wrap(colour, &severity), self.bold(&diagnostic.message))
    }

    fn bold(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn wrap(&self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn to_json(diagnostic: &Diagnostic, source: &Source) -> Value {
    let start = diagnostic.span.map(|span| source.position(span.start));
    let end = diagnostic.span.map(|span| source.position(span.end.max(span.start)));
    json!({
        "file": source.path.to_string_lossy(),
        "line": start.map(|at| at.0),
        "column": start.map(|at| at.1),
        "end_line": end.map(|at| at.0),
        "end_column": end.map(|at| at.1),
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "label": diagnostic.label,
        "help": diagnostic.help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(diagnostic: Diagnostic) -> Diagnostics {
        let mut all = Diagnostics::default();
        all.push(diagnostic);
        all
    }

    #[test]
    fn a_place_a_snippet_and_help() {
        let source = Source::new("gw.toml", "[listen.a]\naddress = 8080\n");
        let span = Span { start: 21, end: 25 };
        let all = one(Diagnostic::error(span, "`address` must be a string")
            .label("an integer")
            .help(Some("write \"127.0.0.1:8080\"".into())));
        let text = all.render(&source, false);
        let expected = "gw.toml:2:11: error: `address` must be a string\n  |\n\
                        2 | address = 8080\n  |           ^^^^ an integer\n\
                        help: write \"127.0.0.1:8080\"\n";
        assert_eq!(text, expected);
        let json = all.to_json(&source);
        assert_eq!(json[0]["line"], 2);
        assert_eq!(json[0]["end_column"], 15);
        assert_eq!(json[0]["severity"], "error");
        assert!(all.render(&source, true).contains("\u{1b}[1;31merror:"));
    }

    #[test]
    fn without_a_place() {
        let source = Source::new("gw.toml", "");
        let all = one(Diagnostic::error(None, "cannot be read"));
        assert_eq!(all.render(&source, false), "gw.toml: error: cannot be read\n");
        assert_eq!(all.to_json(&source)[0]["line"], Value::Null);
    }

    #[test]
    fn an_empty_text_can_be_pointed_at() {
        let source = Source::new("gw.toml", "");
        let all = one(Diagnostic::error(Span::default(), "no listener"));
        assert!(all.render(&source, false).starts_with("gw.toml:1:1: error: no listener\n"));
    }
}
