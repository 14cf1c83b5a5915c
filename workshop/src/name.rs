//! What plugins may be called.

use std::{fmt, str::FromStr};

use crate::Error;

/// A plugin's name: kebab-case. It names the folder, the package, the component and the entry in the TOML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// As long as file names, crates and metrics' labels bear with ease, bytes.
const LONGEST: usize = 64;

/// What a library in Rust cannot be called, or would be mistaken for.
const TAKEN: [&str; 15] = [
    "alloc",
    "core",
    "crate",
    "enum",
    "fn",
    "impl",
    "match",
    "mod",
    "proc-macro",
    "self",
    "std",
    "struct",
    "test",
    "torana",
    "use",
];

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match fault(name) {
            None => Ok(Self(name.into())),
            Some(why) => Err(Error::Name { name: name.into(), why }),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The strictest of those that read it decides: in WIT, every word begins with a letter.
fn fault(name: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins_well = |word: &str| word.starts_with(|c: char| c.is_ascii_lowercase());
    if name.len() > LONGEST {
        Some("it is longer than 64 characters")
    } else if !name.chars().all(is_plain) {
        Some("there is something else than a-z, 0-9 and dashes in it")
    } else if !name.split('-').all(begins_well) {
        Some("each of its words has to begin with a letter")
    } else if TAKEN.contains(&name) {
        Some("it means something already")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case() {
        for good in ["a", "tenant", "tenant-check", "v2-check"] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        let long = "a".repeat(65);
        for bad in
            ["", "-a", "a-", "a--b", "A", "a_b", "a.b", "../a", "a b", "2a", "a-2", "test", &long]
        {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wrong_name_is_told_what_would_be_right() {
        let error = "tenant_check".parse::<Name>().unwrap_err().to_string();
        let expected = "`tenant_check` cannot be a plugin's name: there is something else than a-z, 0-9 and \
                        dashes in it\nwrite words of a-z and 0-9 with dashes between, as in `tenant-check`";
        assert_eq!(error, expected);
    }
}
