//! What can be wrong with a document. Nothing here knows the gateway.

use std::{borrow::Cow, fmt};

/// A place in a text, as people count: from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// The place of a byte. Lines end as in XML 1.0, 2.11: with LF, CR LF or CR.
    pub(crate) fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let bytes = text.as_bytes();
        let is_end = |index: usize| match bytes[index] {
            b'\n' => true,
            b'\r' => bytes.get(index + 1) != Some(&b'\n'),
            _ => false,
        };
        let ends = (0..before.len()).filter(|&index| is_end(index));
        let (count, last) = ends.fold((0, 0), |(count, _), index| (count + 1, index + 1));
        Self { line: count + 1, column: before[last..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The languages that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Json,
    Xml,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Xml => "XML",
        })
    }
}

/// Why a document is not translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// It breaks the rules of its language.
    Malformed { language: Language, position: Position, why: Cow<'static, str> },
    /// It has a document type declaration: the door to entity attacks stays shut.
    DocumentType { position: Position },
    /// It is in an encoding that is not read.
    Encoding(String),
    /// It passes a cap of the settings.
    TooComplex(String),
    /// Its translation passes the cap of the settings.
    TooLarge,
    /// It is well-formed but has no counterpart.
    NotConvertible(String),
    /// SOAP: an envelope of another version.
    VersionMismatch(String),
    /// SOAP: a mandatory header block that nobody here knows.
    MustUnderstand(String),
}

impl Error {
    /// A rule of XML that is broken at a byte of the text.
    #[cold]
    pub(crate) fn xml(text: &str, at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        let position = Position::of(text, at);
        Self::Malformed { language: Language::Xml, position, why: why.into() }
    }

    /// A rule of JSON that is broken at a byte of the text.
    #[cold]
    pub(crate) fn json(text: &str, at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        let position = Position::of(text, at);
        Self::Malformed { language: Language::Json, position, why: why.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { language, position, why } => {
                write!(f, "not well-formed {language}: {position}: {why}")
            }
            Self::DocumentType { position } => {
                write!(f, "{position}: document type declarations are not accepted")
            }
            Self::TooLarge => f.write_str("the translation is larger than `limits.output`"),
            Self::Encoding(text)
            | Self::TooComplex(text)
            | Self::NotConvertible(text)
            | Self::VersionMismatch(text)
            | Self::MustUnderstand(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_lines_and_characters() {
        let at = |text: &str, at| Position::of(text, at).to_string();
        assert_eq!(at("", 0), "line 1, column 1");
        assert_eq!(at("ab\nöü<", 7), "line 2, column 3");
        assert_eq!(at("a\r\nb\rc", 5), "line 3, column 1");
        assert_eq!(at("a\r\nb\rc", 3), "line 2, column 1");
    }
}
