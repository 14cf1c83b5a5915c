//! References to schemas, resolved (RFC 3986, 5.2). They are names: nothing is ever fetched.

/// What `reference` means beside `base`.
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    let (base, reference) = (Parts::of(base), Parts::of(reference));
    if reference.scheme.is_some() {
        return reference.written(
            &without_dots(reference.path),
            reference.query,
            reference.scheme,
            reference.authority,
        );
    }
    if reference.authority.is_some() {
        return reference.written(
            &without_dots(reference.path),
            reference.query,
            base.scheme,
            reference.authority,
        );
    }
    let (path, query) = match reference.path {
        "" => (base.path.to_owned(), reference.query.or(base.query)),
        path if path.starts_with('/') => (without_dots(path), reference.query),
        path => (without_dots(&base.merged(path)), reference.query),
    };
    reference.written(&path, query, base.scheme, base.authority)
}

/// A URI up to its fragment, and the fragment.
pub(crate) fn split(uri: &str) -> (&str, &str) {
    uri.split_once('#').unwrap_or((uri, ""))
}

struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(uri: &'a str) -> Self {
        let (rest, fragment) = cut(uri, '#');
        let (rest, query) = cut(rest, '?');
        let (scheme, rest) = match rest.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, rest),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        Self { scheme, authority, path, query, fragment }
    }

    /// A relative path, beside this one's last segment.
    fn merged(&self, path: &str) -> String {
        match self.path.rfind('/') {
            Some(end) => [&self.path[..=end], path].concat(),
            None if self.authority.is_some() => ["/", path].concat(),
            None => path.to_owned(),
        }
    }

    /// This one's fragment, behind everything else.
    fn written(
        &self,
        path: &str,
        query: Option<&str>,
        scheme: Option<&str>,
        authority: Option<&str>,
    ) -> String {
        let mut uri = String::new();
        for (before, part, after) in [
            ("", scheme, ":"),
            ("//", authority, ""),
            ("", Some(path), ""),
            ("?", query, ""),
            ("#", self.fragment, ""),
        ] {
            if let Some(part) = part {
                uri.extend([before, part, after]);
            }
        }
        uri
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." && segments.len() > usize::from(path.starts_with('/')) {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            _ => segments.push(part),
        }
    }
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of RFC 3986, 5.4, that mean something in a schema.
    #[test]
    fn references_are_resolved() {
        for (reference, is) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("g;x=1/../y", "http://a/b/c/y"),
        ] {
            assert_eq!(resolve("http://a/b/c/d;p?q", reference), is, "{reference}");
        }
        assert_eq!(resolve("torana:/request", "address.json#/a"), "torana:/address.json#/a");
        assert_eq!(resolve("urn:uuid:1", "#/a"), "urn:uuid:1#/a");
    }
}
