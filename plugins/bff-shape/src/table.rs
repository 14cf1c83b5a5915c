//! Places, each with what is said of it.

use crate::path::Path;

/// A table by path, sorted. (A `BTreeMap` for each type of value would make a third of the
/// component.)
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table<V>(Vec<(Path, V)>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Table<V> {
    /// One more entry; or false, if there is one for this path already.
    pub(crate) fn insert(&mut self, path: Path, value: V) -> bool {
        match self.0.binary_search_by(|(known, _)| known.cmp(&path)) {
            Ok(_) => false,
            Err(place) => {
                self.0.insert(place, (path, value));
                true
            }
        }
    }

    pub(crate) fn get(&self, path: &Path) -> Option<&V> {
        let found = self.0.binary_search_by(|(known, _)| known.cmp(path)).ok()?;
        self.0.get(found).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, &V)> {
        self.0.iter().map(|(path, value)| (path, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(path, _)| path)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The same paths with other values.
    pub(crate) fn map<W>(self, change: impl Fn(V) -> W) -> Table<W> {
        Table(self.0.into_iter().map(|(path, value)| (path, change(value))).collect())
    }
}

impl<V> FromIterator<(Path, V)> for Table<V> {
    fn from_iter<I: IntoIterator<Item = (Path, V)>>(entries: I) -> Self {
        let mut table = Self::default();
        for (path, value) in entries {
            table.insert(path, value);
        }
        table
    }
}

impl<V, const N: usize> From<[(Path, V); N]> for Table<V> {
    fn from(entries: [(Path, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_there_once() {
        let path = |text: &str| Path::parse(text).unwrap();
        let mut table = Table::from([(path("b"), 1), (path("a"), 2)]);
        assert!(!table.insert(path("[\"a\"]"), 3));
        assert_eq!(table.get(&path("a")), Some(&2));
        assert_eq!(table.keys().map(Path::to_string).collect::<Vec<_>>(), ["a", "b"]);
    }
}
