//! Targets of requests, and references to others on the same host (RFC 9111, 4.4). Nothing here knows the gateway.

use serde::{Deserialize, Serialize};

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) scheme: String,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
}

impl Target {
    /// What a reference in a response means (RFC 3986, 5.2). None for what is of another host: a service has no say
    /// there.
    pub(crate) fn resolve(&self, reference: &str) -> Option<Self> {
        let reference = reference.split('#').next().unwrap_or_default();
        let rest = match reference.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => {
                scheme.eq_ignore_ascii_case(&self.scheme).then_some(())?;
                Some(rest)
            }
            _ => reference.strip_prefix("//"),
        };
        let Some(rest) = rest else { return Some(self.beside(reference)) };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let is_path = rest.starts_with('/');
        let own = if is_path { rest.to_owned() } else { format!("/{rest}") };
        authority.eq_ignore_ascii_case(&self.authority).then(|| self.beside(&own))
    }

    /// A reference without scheme and authority.
    fn beside(&self, reference: &str) -> Self {
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (reference, None),
        };
        let (path, query) = match path {
            "" => (
                self.path.clone(),
                query.or_else(|| self.query.clone().filter(|_| reference.is_empty())),
            ),
            absolute if absolute.starts_with('/') => (without_dots(absolute), query),
            relative => {
                let folder = self.path.rfind('/').map_or("/", |end| &self.path[..=end]);
                (without_dots(&format!("{folder}{relative}")), query)
            }
        };
        Self { path, query, ..self.clone() }
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A path without `.` and `..` (RFC 3986, 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_dot = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        if !is_dot {
            kept.push(segment);
        } else if segments.peek().is_none() {
            // `/a/.` is the folder.
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// A query whose parameters stand in order: those that differ in nothing else are one.
pub(crate) fn sorted(query: &str) -> String {
    let mut parameters: Vec<_> = query.split('&').filter(|one| !one.is_empty()).collect();
    // Stable, and by name alone: several values of one parameter have an order.
    parameters.sort_by_key(|one| one.split('=').next());
    parameters.join("&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target() -> Target {
        Target {
            scheme: "http".into(),
            authority: "shop.example".into(),
            path: "/a/b".into(),
            query: Some("c=d".into()),
        }
    }

    fn resolved(reference: &str) -> Option<String> {
        target().resolve(reference).map(|target| match target.query {
            Some(query) => format!("{}?{query}", target.path),
            None => target.path,
        })
    }

    #[test]
    fn references_are_resolved() {
        for (reference, expected) in [
            ("/x", "/x"),
            ("x?y", "/a/x?y"),
            ("../x", "/x"),
            ("../../../x", "/x"),
            ("./", "/a/"),
            ("..", "/"),
            ("?y", "/a/b?y"),
            ("", "/a/b?c=d"),
            ("#part", "/a/b?c=d"),
            ("http://shop.example/x#y", "/x"),
            ("HTTP://SHOP.example", "/"),
            ("//shop.example?y", "/?y"),
            ("/x/./y/../z", "/x/z"),
            ("/x?u=http://other.example/", "/x?u=http://other.example/"),
        ] {
            assert_eq!(resolved(reference).as_deref(), Some(expected), "{reference}");
        }
    }

    #[test]
    fn other_hosts_are_not_the_services_to_speak_of() {
        for reference in [
            "http://other.example/a",
            "https://shop.example/a",
            "//other.example/a",
            "http://shop.example:81/a",
        ] {
            assert_eq!(resolved(reference), None, "{reference}");
        }
    }

    #[test]
    fn parameters_have_no_order_but_their_values_do() {
        assert_eq!(sorted("b=1&a=2&&b=0"), "a=2&b=1&b=0");
        assert_ne!(sorted("a=1&a=2"), sorted("a=2&a=1"));
    }

    proptest! {
        #[test]
        fn any_reference_means_a_path(reference in ".{0,30}") {
            if let Some(target) = target().resolve(&reference) {
                prop_assert!(target.path.starts_with('/'));
                prop_assert!(!target.path.split('/').any(|segment| matches!(segment, "." | "..")));
            }
        }
    }
}
