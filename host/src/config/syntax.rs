//! From text to a tree, with every syntax error.

use toml::{
    Spanned,
    de::{DeTable, DeValue, Error},
};

use super::{Diagnostic, Diagnostics, Source, Span, fault::quote};

/// More than this helps nobody: the first ones are the cause of the others.
const MOST: usize = 20;

/// What the parser made of the text.
pub(super) struct Parsed<'a> {
    pub(super) tree: Spanned<DeTable<'a>>,
    pub(super) problems: Diagnostics,
    /// Whether the tree has all keys in the right places, so that it is worth looking further.
    pub(super) whole: bool,
}

/// Parses the text as far as it goes.
pub(super) fn parse(source: &Source) -> Parsed<'_> {
    let (tree, errors) = DeTable::parse_recoverable(&source.text);
    let open = errors.iter().any(|error| error.message().starts_with("unclosed"));
    let open = open.then(|| unclosed(tree.get_ref(), source)).flatten();
    let mut problems = Diagnostics::default();
    for error in &errors {
        let span = span(error, source);
        // All that follows an open bracket is read as part of it.
        let consequence = open.is_some_and(|open| span.start >= open.start);
        let same_line =
            |other: &Diagnostic| line_of(other, source) == source.position(span.start).0;
        if !consequence && !problems.iter().any(same_line) && problems.len() < MOST {
            problems.push(explain(error, span, source));
        }
    }
    if let Some(open) = open {
        problems.push(never_closed(open, source));
    }
    let whole = errors.iter().all(|error| is_about_a_value(error, source));
    Parsed { tree, problems, whole }
}

/// Takes out what is a consequence of a syntax error: problems on the same line.
pub(super) fn without_consequences(
    mut problems: Diagnostics,
    syntax: &Diagnostics,
    source: &Source,
) -> Diagnostics {
    let lines: Vec<_> = syntax.iter().map(|problem| line_of(problem, source)).collect();
    problems.retain(|problem| !lines.contains(&line_of(problem, source)));
    problems
}

fn line_of(problem: &Diagnostic, source: &Source) -> usize {
    problem.span.map_or(0, |span| source.position(span.start).0)
}

/// Where the error is. For text without quotes that is all of it: the parser points at the
/// second dot of `127.0.0.1`, because it took the beginning for a number.
fn span(error: &Error, source: &Source) -> Span {
    let span: Span = error.span().unwrap_or_default().into();
    let word = word_at(span, source);
    if is_a_bad_number(error) && !is_like_a_number(source.slice(word)) { word } else { span }
}

fn word_at(span: Span, source: &Source) -> Span {
    let outside = |c: char| c.is_whitespace() || ['=', ',', '[', ']', '{', '}', '#'].contains(&c);
    let range = source.clamp(span);
    let before = &source.text[..range.start];
    let after = &source.text[range.end..];
    let start = before.rfind(outside).map_or(0, |at| at + 1);
    Span { start, end: range.end + after.find(outside).unwrap_or(after.len()) }
}

fn is_a_bad_number(error: &Error) -> bool {
    const PARTS: [&str; 10] = [
        "integer",
        "float",
        "mantissa",
        "fraction",
        "exponent",
        "date",
        "time",
        "hexadecimal",
        "octal",
        "binary",
    ];
    let message = error.message();
    let part = message.strip_prefix("invalid ").unwrap_or_default();
    PARTS.iter().any(|known| part.starts_with(known))
        || message.starts_with("unexpected leading zero")
}

fn is_like_a_number(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_hexdigit() || "+-_.xo".contains(c))
        && word.matches('.').count() < 2
}

fn is_unquoted(error: &Error, text: &str) -> bool {
    error.message().starts_with("string values must be quoted")
        || (is_a_bad_number(error) && !is_like_a_number(text))
}

/// Whether the key was read all the same.
fn is_about_a_value(error: &Error, source: &Source) -> bool {
    let text = source.slice(span(error, source));
    (is_unquoted(error, text) && !text.is_empty()) || error.message().starts_with("invalid boolean")
}

fn explain(error: &Error, span: Span, source: &Source) -> Diagnostic {
    let text = source.slice(span);
    let message = error.message();
    if is_unquoted(error, text) {
        return unquoted(span, text);
    }
    if message.starts_with("invalid basic string, expected `\"`")
        || message.starts_with("invalid literal string, expected `'`")
    {
        return Diagnostic::error(span, "this string is never closed").label("no quote at its end");
    }
    if message.starts_with("invalid boolean") {
        let help = text.to_lowercase();
        if help != "true" && help != "false" {
            return unquoted(span, text);
        }
        let help = format!("write {help}");
        return Diagnostic::error(span, format!("{} is not a boolean", quote(text))).help(help);
    }
    if message == "duplicate key" {
        return Diagnostic::error(span, format!("{} stands twice", quote(text)))
            .label("the second one")
            .help(
                "a key and a table may stand once: take one of them out, or merge them".to_owned(),
            );
    }
    Diagnostic::error(span, format!("this is not TOML: {message}"))
}

fn unquoted(span: Span, text: &str) -> Diagnostic {
    if text.is_empty() {
        return Diagnostic::error(span, "a value is missing").label("expected a value");
    }
    Diagnostic::error(span, format!("{} needs quotes", quote(text)))
        .label("a string without quotes")
        .help(format!("write \"{}\"", text.escape_debug()))
}

fn never_closed(span: Span, source: &Source) -> Diagnostic {
    let bracket = source.slice(span);
    let closing = if bracket == "{" { "}" } else { "]" };
    Diagnostic::error(span, format!("this `{bracket}` is never closed"))
        .label(format!("no `{closing}` for it"))
}

/// The bracket of the outermost value that goes on until the end of the text.
fn unclosed(table: &DeTable<'_>, source: &Source) -> Option<Span> {
    let end = source.text.trim_end().len();
    table.iter().find_map(|(_, value)| unclosed_value(value, end, source))
}

fn unclosed_value(value: &Spanned<DeValue<'_>>, end: usize, source: &Source) -> Option<Span> {
    let span: Span = value.span().into();
    let bracket = Span { start: span.start, end: span.start + 1 };
    let (is_open, inner) = match value.get_ref() {
        DeValue::Array(array) => {
            let inner = array.iter().find_map(|item| match item.get_ref() {
                DeValue::Table(table) => unclosed(table, source),
                _ => None,
            });
            (source.slice(bracket) == "[" && !source.slice(span).ends_with(']'), inner)
        }
        DeValue::Table(table) => {
            let is_open = source.slice(bracket) == "{" && !source.slice(span).ends_with('}');
            (is_open, unclosed(table, source))
        }
        _ => (false, None),
    };
    if is_open && span.end >= end { Some(bracket) } else { inner }
}
