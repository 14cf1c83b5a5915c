//! A text on its way: the service's, or what a step made of it.

use std::fmt;

use crate::json::{Document, Malformed};

/// How deep that may be which a step made: as deep as a service's document can be.
const MADE_DEPTH: usize = 512;

/// A text that is to be read as JSON.
pub(crate) struct Text {
    text: String,
    max_depth: usize,
    is_made: bool,
}

/// Why a text is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The service sent what is no JSON.
    Malformed(Malformed),
    /// It is nested too deep to be shaped.
    TooDeep(Malformed),
    /// What a step made of it is.
    MadeTooDeep,
}

impl Text {
    /// What the service sent.
    pub(crate) fn of_service(text: String, max_depth: usize) -> Self {
        Self { text, max_depth, is_made: false }
    }

    /// What was made of it. It is JSON, so whatever is wrong with it is not the service's fault.
    pub(crate) fn made(text: String) -> Self {
        Self { text, max_depth: MADE_DEPTH, is_made: true }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn document(&self) -> Result<Document<'_>, Unread> {
        Document::parse(&self.text, self.max_depth).map_err(|why| match why.is_too_deep() {
            _ if self.is_made => Unread::MadeTooDeep,
            true => Unread::TooDeep(why),
            false => Unread::Malformed(why),
        })
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) | Self::TooDeep(why) => why.fmt(f),
            Self::MadeTooDeep => {
                write!(f, "what the profile makes of it is nested deeper than {MADE_DEPTH}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_service_sent_is_malformed() {
        let of_service = |text: &str| Text::of_service(text.to_owned(), 2).document().map(drop);
        assert!(matches!(of_service("[[1]"), Err(Unread::Malformed(_))));
        assert!(matches!(of_service("[[[1]]]"), Err(Unread::TooDeep(_))));
        let made = |depth: usize| {
            let text = Text::made("[".repeat(depth) + &"]".repeat(depth));
            text.document().map(drop)
        };
        assert_eq!(made(MADE_DEPTH), Ok(()));
        assert_eq!(made(MADE_DEPTH + 1), Err(Unread::MadeTooDeep));
    }
}
