//! Which of several responses for one target a request gets (RFC 9111, 4.1). Nothing here knows the gateway.

use std::collections::BTreeSet;

/// The names of request fields that a response depends on, in lower case and in order.
pub(crate) type Names = BTreeSet<String>;

/// What `Vary` says. None: `*`, which no request matches.
pub(crate) fn names<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Names> {
    let members = lines.into_iter().flat_map(|line| line.split(',')).map(str::trim_ascii);
    let members = members.filter(|name| !name.is_empty());
    let names: Names = members.map(str::to_ascii_lowercase).collect();
    (!names.contains("*")).then_some(names)
}

/// A field's values in a form that is the same for requests that mean the same: its lines as one list, without the
/// spaces that lists do not count. Languages and codings are compared without regard to case and order.
pub(crate) fn normalised(name: &str, lines: &[String]) -> String {
    let members = lines.iter().flat_map(|line| line.split(',')).map(str::trim_ascii);
    let members = members.filter(|member| !member.is_empty());
    match name {
        "accept-language" | "accept-encoding" => {
            let mut members: Vec<_> = members.map(str::to_ascii_lowercase).collect();
            members.sort_unstable();
            members.join(",")
        }
        _ => members.collect::<Vec<_>>().join(","),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(name: &str, lines: &[&str]) -> String {
        normalised(name, &lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_star_anywhere_matches_nothing() {
        for lines in [&["*"][..], &["*, *"], &[", *"], &["", "*"], &["*, Foo"], &["Foo", "a,*"]] {
            assert_eq!(names(lines.iter().copied()), None, "{lines:?}");
        }
    }

    #[test]
    fn names_are_the_same_in_any_order_and_case() {
        let all = names(["Accept, X-A", "accept ,,"]).unwrap();
        assert_eq!(all.iter().collect::<Vec<_>>(), ["accept", "x-a"]);
        assert_eq!(names([]), Some(Names::new()));
    }

    #[test]
    fn lines_are_one_list() {
        assert_eq!(normal("foo", &["1", "2"]), normal("foo", &[" 1 ,2"]));
        assert_ne!(normal("foo", &["1", "2"]), normal("foo", &["2", "1"]));
        assert_ne!(normal("foo", &["a"]), normal("foo", &["A"]));
        assert_eq!(normal("foo", &[]), "");
    }

    #[test]
    fn languages_have_no_order_and_no_case() {
        let language = |line| normal("accept-language", &[line]);
        assert_eq!(language("en, de;q=0.5"), language("DE;q=0.5,en"));
        assert_ne!(language("en"), language("de"));
    }

    proptest! {
        #[test]
        fn normal_stays_normal(name in "foo|accept-language", lines in proptest::collection::vec("[ -~]{0,20}", 0..4)) {
            let once = normalised(&name, &lines);
            prop_assert_eq!(normalised(&name, std::slice::from_ref(&once)), once);
        }
    }
}
