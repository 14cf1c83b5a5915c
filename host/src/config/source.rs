//! The text that was read, and places in it.

use std::{fmt, ops::Range, path::PathBuf};

/// A range of bytes in a [`Source`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// A configuration file and its text.
pub struct Source {
    /// The path as the user gave it.
    pub path: PathBuf,
    /// The text, without a byte order mark.
    pub text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.path).finish()
    }
}

impl Source {
    /// Takes a text that came from `path`.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let after_newline = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after_newline).collect();
        Self { path: path.into(), text, lines }
    }

    /// Line and column of an offset, both from 1. Columns count characters, as editors do.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.floor(offset);
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines[line - 1];
        (line, self.text[start..offset].chars().count() + 1)
    }

    /// The text of a span.
    pub(super) fn slice(&self, span: Span) -> &str {
        let span = self.clamp(span);
        &self.text[span]
    }

    /// The span as a range that can be sliced, whatever file it was made for.
    pub(super) fn clamp(&self, span: Span) -> Range<usize> {
        let start = self.floor(span.start);
        start..self.floor(span.end).max(start)
    }

    /// The nearest character boundary at or before `offset`.
    fn floor(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        (0..=offset).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source::new("x.toml", "\u{feff}a = 1\nä = \"ß\" # é\n");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(6), (2, 1));
        assert_eq!(source.position(8), (2, 2), "after the ä, which has two bytes");
        assert_eq!(source.position(7), (2, 1), "inside the ä");
        assert_eq!(source.position(999), (3, 1));
    }

    #[test]
    fn spans_of_another_text_do_not_panic() {
        let source = Source::new("x.toml", "ä");
        assert_eq!(source.slice(Span { start: 1, end: 9 }), "ä");
        assert_eq!(source.slice(Span { start: 9, end: 1 }), "");
    }
}
