//! The header fields of a message, in order. Nothing here knows the gateway.

use serde::{Deserialize, Serialize};

/// Names in lower case, with their values; a name may stand there more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// One more field line.
    pub(crate) fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Every value of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a field, as lines.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        self.all(name).map(str::to_owned).collect()
    }

    /// The value of a field that stands there once.
    pub(crate) fn only(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter().filter(|(own, _)| own == name);
        let first = all.next()?;
        all.next().is_none().then_some(first.1.as_str())
    }

    /// Whether a field is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }

    /// Takes off all fields but those that are wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| wanted(name));
    }

    /// Puts the fields of `newer` in the place of those of the same names.
    pub(crate) fn replace_by(&mut self, newer: Self) {
        self.retain(|name| !newer.has(name));
        self.0.extend(newer.0);
    }

    /// Every field line.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(lines: I) -> Self {
        Self(lines.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_fields_take_the_place_of_all_of_their_name() {
        let mut fields: Fields = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!((fields.only("a"), fields.only("b"), fields.only("c")), (None, Some("2"), None));
        fields.replace_by([("a", "4"), ("c", "5")].into_iter().collect());
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("b", "2"), ("a", "4"), ("c", "5")]);
    }
}
