//! The languages that a plugin can be started in.

use std::{fmt, str::FromStr};

use crate::files::{self, Files};

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust, with the SDK.
    Rust,
    /// JavaScript, on QuickJS.
    JavaScript,
    /// Python, on CPython.
    Python,
    /// Go.
    Go,
    /// C.
    C,
}

impl Language {
    /// All of them; the first is the one that is taken if nothing is said.
    pub const ALL: [Self; 5] = [Self::Rust, Self::JavaScript, Self::Python, Self::Go, Self::C];

    /// The name that the command line knows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "js",
            Self::Python => "python",
            Self::Go => "go",
            Self::C => "c",
        }
    }

    /// The plugin `greet` in it.
    pub(crate) fn example(self) -> Files {
        match self {
            Self::Rust => files::RUST,
            Self::JavaScript => files::JAVASCRIPT,
            Self::Python => files::PYTHON,
            Self::Go => files::GO,
            Self::C => files::C,
        }
    }

    /// What its runtime wants beyond what the plugin calls: (grants, another line of the entry).
    pub(crate) fn wants(self) -> (&'static str, &'static str) {
        match self {
            Self::Go => ("wasi = true, ", "limits = { keep = \"16MiB\" }\n"),
            _ => ("", ""),
        }
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|language| language.name() == text);
        known.ok_or_else(|| format!("write one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
