//! Looking a place up.

use super::Document;
use crate::path::Step;

impl Document<'_> {
    /// Where the value begins that some steps lead to. Of several members of one name the last
    /// counts, as for most parsers.
    pub(crate) fn find(self, from: usize, steps: &[Step]) -> Option<usize> {
        steps.iter().try_fold(from, |at, step| match step {
            Step::Name(name) => self.member(at, name),
            Step::Index(index) => self.item(at, *index),
        })
    }

    fn member(self, at: usize, name: &str) -> Option<usize> {
        if self.byte(at) != b'{' {
            return None;
        }
        let mut found = None;
        let mut members = self.members(at);
        while let Some(key) = members.next() {
            if self.string(key.start, key.end) == name {
                found = Some(key.value);
            }
            members.go_on(self.end_of(key.value));
        }
        found
    }

    fn item(self, at: usize, index: u32) -> Option<usize> {
        if self.byte(at) != b'[' {
            return None;
        }
        let mut items = self.items(at);
        for _ in 0..index {
            let item = items.next()?;
            items.go_on(self.end_of(item));
        }
        items.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Steps;

    fn find<'a>(text: &'a str, path: &str) -> Option<&'a str> {
        let document = Document::parse(text, 16).unwrap();
        let at = document.find(document.root(), Steps::parse(path).unwrap().as_slice())?;
        Some(document.text(at, document.end_of(at)))
    }

    #[test]
    fn names_and_indexes_lead_somewhere_or_nowhere() {
        let text = r#" {"a":{"b":[1, [2,3], {"c":"x"}]},"a.b":5,"\u0064":null} "#;
        assert_eq!(find(text, "a.b[1][0]"), Some("2"));
        assert_eq!(find(text, "a.b[2].c"), Some("\"x\""));
        assert_eq!(find(text, "[\"a.b\"]"), Some("5"));
        assert_eq!(find(text, "d"), Some("null"));
        for nowhere in ["a.c", "a[0]", "a.b.c", "a.b[3]", "d.e", "a.b[0].x", "[0]"] {
            assert_eq!(find(text, nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn the_last_of_a_name_counts() {
        assert_eq!(find(r#"{"a":1,"a":2}"#, "a"), Some("2"));
    }
}
