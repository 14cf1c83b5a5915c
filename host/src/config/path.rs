//! Paths of routes: `/products/{id}`, `/files/{*rest}`.

use super::fault::{Fault, join, quote};

/// Checks a path that a route matches and gives the names of its parameters.
///
/// Requests are matched by their decoded path, so what stands here is compared as it is.
pub(super) fn route_path(text: &str) -> Result<Vec<String>, Fault> {
    let fault = |what: &str| Fault::new(format!("is not a path to match: {what}"));
    if !text.starts_with('/') {
        return Err(fault("it must begin with `/`").help(format!("write \"/{text}\"")));
    }
    if text.contains(['?', '#']) {
        return Err(fault("it has no query").help("conditions on the query go to `match.query`"));
    }
    if text.chars().any(char::is_control) {
        return Err(fault("it has a control character"));
    }
    if text.contains('%') {
        return Err(
            fault("requests are matched decoded").help("write the character that `%..` stands for")
        );
    }
    if text.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(fault("`.` and `..` are resolved before a request is matched"));
    }
    parameters(text)
}

/// The name of a path's catch-all, if it has one.
pub(super) fn catch_all(text: &str) -> Option<&str> {
    text.rsplit_once("{*")?.1.strip_suffix('}')
}

/// The parameters of a path, each once, a catch-all at the end only.
fn parameters(text: &str) -> Result<Vec<String>, Fault> {
    let mut names: Vec<String> = Vec::new();
    let segments: Vec<_> = text.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let Some(parameter) = parameter(segment)? else { continue };
        let (name, catch_all) = match parameter.strip_prefix('*') {
            Some(name) => (name, true),
            None => (parameter, false),
        };
        check_name(name, parameter)?;
        if catch_all && (index + 1 < segments.len() || segment.len() != parameter.len() + 2) {
            let what = format!("has `{{{parameter}}}`, and something beside it");
            return Err(
                Fault::new(what).help("a catch-all is the whole last segment: \"/files/{*rest}\"")
            );
        }
        if names.iter().any(|known| known == name) {
            return Err(Fault::new(format!("has two parameters {}", quote(name)))
                .help("give each a name of its own"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// What stands in the braces of a segment, if it has any.
fn parameter(segment: &str) -> Result<Option<&str>, Fault> {
    let unbalanced =
        || Fault::new("has a brace without its other half").help("a parameter is written `{id}`");
    let Some((before, rest)) = segment.split_once('{') else {
        return if segment.contains('}') { Err(unbalanced()) } else { Ok(None) };
    };
    let (name, after) = rest.split_once('}').ok_or_else(unbalanced)?;
    if before.contains('}') || name.contains('{') {
        return Err(unbalanced());
    }
    if after.contains('{') {
        return Err(Fault::new("has two parameters in one segment")
            .help("a segment between slashes has at most one"));
    }
    if after.contains('}') {
        return Err(unbalanced());
    }
    Ok(Some(name))
}

fn check_name(name: &str, written: &str) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(allowed) {
        return Ok(());
    }
    let fault = Fault::new(format!("has {} for a parameter", quote(&format!("{{{written}}}"))));
    Err(fault.help("a parameter's name is made of letters, digits, `_` and `-`"))
}

/// Checks a prefix that is taken off the path before it is forwarded.
pub(super) fn strip(prefix: &str, path: &str) -> Result<(), Fault> {
    let fault = |what: &str| Fault::new(format!("cannot be stripped: {what}"));
    if !prefix.starts_with('/') {
        return Err(fault("it must begin with `/`").help(format!("write \"/{prefix}\"")));
    }
    if prefix.ends_with('/') {
        let shorter = prefix.trim_end_matches('/');
        let help = if shorter.is_empty() {
            "leave `strip` out".into()
        } else {
            format!("write \"{shorter}\"")
        };
        return Err(fault("what is left must begin with the slash").help(help));
    }
    let literal = path.split('{').next().unwrap_or_default();
    let rest = path.strip_prefix(prefix).filter(|_| literal.starts_with(prefix));
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Ok(());
    }
    let what = format!("it is not the beginning of {}", quote(path));
    Err(fault(&what).help(whole_segments(literal)))
}

/// The longest prefix that could be stripped.
fn whole_segments(literal: &str) -> String {
    let end = literal.rfind('/').unwrap_or(0);
    match &literal[..end] {
        "" => "this path has no fixed first segment that could be stripped".into(),
        longest => format!("at most \"{longest}\" can be stripped"),
    }
}

/// Checks a template for the path that is forwarded against the parameters of the route.
pub(super) fn rewrite(template: &str, parameters: &[String]) -> Result<(), Fault> {
    let fault = |what: &str| Fault::new(format!("is not a path to forward: {what}"));
    if !template.starts_with('/') {
        return Err(fault("it must begin with `/`").help(format!("write \"/{template}\"")));
    }
    if template.contains(['?', '#']) {
        return Err(fault("it has no query").help("the query is forwarded as it came"));
    }
    if template.chars().any(|c| c.is_control() || c == ' ') {
        return Err(fault("it has a blank or a control character").help("write it percent-encoded"));
    }
    for name in placeholders(template)? {
        if let Some(plain) = name.strip_prefix('*') {
            return Err(fault("the `*` is for `match.path`").help(format!("write {{{plain}}}")));
        }
        if !parameters.iter().any(|known| known == name) {
            return Err(unknown_parameter(name, parameters));
        }
    }
    Ok(())
}

/// The names in braces, in order.
pub(super) fn placeholders(template: &str) -> Result<Vec<&str>, Fault> {
    let unbalanced = || Fault::new("has a brace without its other half");
    let mut parts = template.split('{');
    if parts.next().is_some_and(|first| first.contains('}')) {
        return Err(unbalanced());
    }
    parts
        .map(|part| match part.split_once('}') {
            Some((name, rest)) if !rest.contains('}') => Ok(name),
            _ => Err(unbalanced()),
        })
        .collect()
}

fn unknown_parameter(name: &str, parameters: &[String]) -> Fault {
    let fault =
        Fault::new(format!("uses {}, which the path does not have", quote(&format!("{{{name}}}"))));
    let known: Vec<_> = parameters.iter().map(|name| format!("`{{{name}}}`")).collect();
    match known.as_slice() {
        [] => fault.help("`match.path` has no parameters"),
        known => fault.help(format!("`match.path` has {}", join(known, "and"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_their_parameters() {
        assert_eq!(route_path("/"), Ok(vec![]));
        assert_eq!(route_path("/a/{id}/b"), Ok(vec!["id".into()]));
        assert_eq!(route_path("/img-{id}.png/{*rest}"), Ok(vec!["id".into(), "rest".into()]));
        for wrong in [
            "", "a", "/{", "/}", "/{}", "/{*}", "/{a b}", "/{{a}}", "/{a}{b}", "/{a}}", "/}{a}",
            "/{*a}/b", "/x{*a}", "/{a}/{a}", "/a?b", "/a#b", "/a%20b", "/../a", "/./a", "/a\n",
            "/{a/b}",
        ] {
            assert!(route_path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn stripping_whole_segments() {
        assert_eq!(strip("/api", "/api/{id}"), Ok(()));
        assert_eq!(strip("/api/v1", "/api/v1"), Ok(()));
        for (prefix, path) in [
            ("/ap", "/api/x"),
            ("/api/", "/api/x"),
            ("/", "/x"),
            ("api", "/api"),
            ("/x", "/api"),
            ("/{id}", "/{id}/x"),
            ("/a/{b}", "/a/{b}"),
            ("/a", "/a{b}"),
        ] {
            assert!(strip(prefix, path).is_err(), "{prefix} {path}");
        }
    }

    #[test]
    fn rewriting_with_what_there_is() {
        let parameters = ["id".to_owned(), "rest".to_owned()];
        assert_eq!(rewrite("/v2/{id}/{rest}", &parameters), Ok(()));
        for wrong in
            ["v2", "/{ids}", "/{*rest}", "/{id", "/id}", "/a?b={id}", "/a b", "/{id}}", "/{}"]
        {
            assert!(rewrite(wrong, &parameters).is_err(), "{wrong}");
        }
    }
}
