//! Which values are allowed. Nothing here knows the gateway.

/// A list of allowed values. `*` at the end of one stands for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    Prefix(String),
}

/// What is to be said about values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// There is no value.
    Missing,
    /// There is one that is not allowed.
    Wrong,
}

impl TryFrom<Vec<String>> for Allowed {
    type Error = &'static str;

    fn try_from(values: Vec<String>) -> Result<Self, Self::Error> {
        if values.is_empty() {
            return Err("nothing would be allowed: list the values, or \"*\" for any");
        }
        Ok(Self(values.into_iter().map(Pattern::from).collect()))
    }
}

impl Allowed {
    /// Every value.
    pub(crate) fn any() -> Self {
        Self(vec![Pattern::Prefix(String::new())])
    }

    /// Whether every value is allowed.
    pub(crate) fn is_any(&self) -> bool {
        self.0.contains(&Pattern::Prefix(String::new()))
    }

    /// All values must be allowed: who sends two must not get the second one past us.
    pub(crate) fn judge(&self, values: &[String]) -> Verdict {
        if values.is_empty() {
            Verdict::Missing
        } else if values.iter().all(|value| self.0.iter().any(|pattern| pattern.fits(value))) {
            Verdict::Allowed
        } else {
            Verdict::Wrong
        }
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        match text.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None => Self::Exact(text),
        }
    }
}

impl Pattern {
    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => value == text,
            Self::Prefix(prefix) => value.starts_with(prefix.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(allowed: &[&str], values: &[&str]) -> Verdict {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        Allowed::try_from(owned(allowed)).unwrap().judge(&owned(values))
    }

    #[test]
    fn every_value_must_be_allowed() {
        assert_eq!(judge(&["1", "2"], &["2"]), Verdict::Allowed);
        assert_eq!(judge(&["1", "2"], &[]), Verdict::Missing);
        assert_eq!(judge(&["1", "2"], &["1", "3"]), Verdict::Wrong);
        assert_eq!(judge(&["1"], &["1 "]), Verdict::Wrong);
    }

    #[test]
    fn a_star_stands_for_the_rest() {
        assert_eq!(judge(&["*"], &[""]), Verdict::Allowed);
        assert_eq!(judge(&["application/*"], &["application/json"]), Verdict::Allowed);
        assert_eq!(judge(&["application/*"], &["text/plain"]), Verdict::Wrong);
    }

    #[test]
    fn an_empty_list_is_a_mistake() {
        assert!(Allowed::try_from(Vec::new()).is_err());
    }
}
