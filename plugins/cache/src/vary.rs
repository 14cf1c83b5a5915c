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

/// Whether only the gateway says what such a field of a request is, and behind all plugins: what the service got is not
/// what was seen here.
pub(crate) fn is_the_gateways(name: &str) -> bool {
    const NAMES: [&str; 6] =
        ["forwarded", "traceparent", "tracestate", "via", "x-real-ip", "x-request-id"];
    name.starts_with("x-forwarded-") || NAMES.contains(&name)
}

/// A field's values in a form that is the same for requests that mean the same. Of most fields nobody but the service
/// knows what that is, and it may see more than a list in them: an empty member, a space or a second line is another
/// value, or clients could put what they were told under a key of others. Of languages and codings the members are
/// compared, in their order, without regard to case. A field that is not there is empty, and no other is.
pub(crate) fn normalised(name: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let value = match name {
        "accept-language" | "accept-encoding" => {
            let members = lines.iter().flat_map(|line| line.split(',')).map(str::trim_ascii);
            members.map(str::to_ascii_lowercase).collect::<Vec<_>>().join(",")
        }
        // No line has a line break in it.
        _ => lines.join("\n"),
    };
    format!("={value}")
}

#[cfg(test)]
mod tests {
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
    fn a_field_is_what_was_sent_and_nothing_else() {
        let all: [&[&str]; 10] = [
            &[],
            &[""],
            &["", ""],
            &["1,2"],
            &["1, 2"],
            &["1", "2"],
            &["2", "1"],
            &["a"],
            &["A"],
            &[",a"],
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert_ne!(normal("origin", one), normal("origin", other), "{one:?} {other:?}");
            }
        }
        assert_eq!(normal("origin", &[]), "");
    }

    #[test]
    fn languages_have_an_order_and_no_case() {
        let language = |lines: &[_]| normal("accept-language", lines);
        assert_eq!(language(&["en, de;q=0.5"]), language(&["EN", "DE;q=0.5"]));
        assert_ne!(language(&["en, de"]), language(&["de, en"]));
        assert_ne!(language(&[", en"]), language(&["en"]));
        assert_ne!(language(&[""]), language(&[]));
    }

    #[test]
    fn what_the_gateway_says_is_known() {
        for name in ["x-forwarded-for", "x-forwarded-host", "via", "traceparent", "x-request-id"] {
            assert!(is_the_gateways(name), "{name}");
        }
        assert!(!is_the_gateways("x-user"));
    }
}
