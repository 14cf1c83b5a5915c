//! Which of some names must be there. Nothing here knows the gateway.

/// `any`: at least one of these. `all`: each of these. Names are compared exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) any: Vec<String>,
    pub(crate) all: Vec<String>,
}

impl Wanted {
    pub(crate) fn fits(&self, names: &[&str]) -> bool {
        let is_there = |wanted: &String| names.contains(&wanted.as_str());
        (self.any.is_empty() || self.any.iter().any(is_there)) && self.all.iter().all(is_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(any: &[&str], all: &[&str]) -> Wanted {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Wanted { any: owned(any), all: owned(all) }
    }

    #[test]
    fn any_is_one_of_them_and_all_is_each() {
        assert!(wanted(&["a", "b"], &[]).fits(&["x", "b"]));
        assert!(!wanted(&["a", "b"], &[]).fits(&["x"]));
        assert!(!wanted(&["a"], &[]).fits(&["A", "aa"]));
        assert!(wanted(&[], &["a", "b"]).fits(&["b", "a", "x"]));
        assert!(!wanted(&[], &["a", "b"]).fits(&["a"]));
        assert!(wanted(&["a", "b"], &["c"]).fits(&["b", "c"]));
        assert!(!wanted(&["a", "b"], &["c"]).fits(&["c"]));
    }
}
