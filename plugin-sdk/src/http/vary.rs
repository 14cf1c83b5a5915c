//! `Vary`: what else than the target a response depends on (RFC 9110, 12.5.5).

use crate::{
    Refused,
    host::{EditError, EditHeaders, ReadHeaders},
};

/// Says that a response depends on these fields of the request, too: a cache that did not know would
/// give one client what was made for another. Names that are there already are not said again.
pub fn add_vary(
    response: &impl ReadHeaders,
    edit: &impl EditHeaders,
    names: &[impl AsRef<str>],
) -> Result<(), Refused<EditError>> {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() {
        return Ok(());
    }
    match response.header_values("vary") {
        Ok(lines) => match merged(&lines, &names) {
            Some(value) => edit.set_header("vary", &value),
            None => Ok(()),
        },
        // What is no text cannot be merged, and stays as it is.
        Err(_) => edit.add_header("vary", &names.join(", ")),
    }
}

/// The value of a list (`Vary`, say) with some members more. None: they are all there already, or `*` is,
/// which says that everything is.
pub(crate) fn merged(lines: &[String], names: &[&str]) -> Option<String> {
    let there = lines.iter().flat_map(|line| line.split(',')).map(str::trim_ascii);
    let mut all: Vec<_> = there.filter(|name| !name.is_empty()).collect();
    if all.contains(&"*") {
        return None;
    }
    let known = all.len();
    let is_missing = |name: &&&str| !all.iter().any(|known| known.eq_ignore_ascii_case(name));
    let missing: Vec<_> = names.iter().filter(is_missing).copied().collect();
    all.extend(missing);
    (all.len() > known).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reply, fake::FakeHost, host::Host as _};

    fn vary(lines: &[&str], names: &[&str]) -> Option<String> {
        let lines: Vec<_> = lines.iter().map(|&line| line.to_owned()).collect();
        merged(&lines, names)
    }

    #[test]
    fn names_are_added_once() {
        assert_eq!(vary(&[], &["Origin"]).unwrap(), "Origin");
        assert_eq!(vary(&["Accept"], &["Origin"]).unwrap(), "Accept, Origin");
        assert_eq!(vary(&["Accept,,", " Cookie "], &["Origin"]).unwrap(), "Accept, Cookie, Origin");
        assert_eq!(vary(&["accept, ORIGIN"], &["Origin"]), None);
        assert_eq!(vary(&["origin"], &["Origin", "Accept"]).unwrap(), "origin, Accept");
        assert_eq!(vary(&["X-Origin"], &["Origin"]).unwrap(), "X-Origin, Origin");
    }

    #[test]
    fn a_star_says_it_all() {
        assert_eq!(vary(&["*"], &["Origin"]), None);
        assert_eq!(vary(&["Accept", "x, *"], &["Origin"]), None);
    }

    #[test]
    fn a_response_has_one_line_then() {
        let reply = Reply::empty(200).header("vary", "Accept").header("vary", "Cookie");
        let host = FakeHost::get("/").with_response(reply);
        add_vary(&host.response(), &host.response_edit(), &["Origin"]).unwrap();
        assert_eq!(host.answered_header("vary"), ["Accept, Cookie, Origin"]);
        add_vary(&host.response(), &host.response_edit(), &[""; 0]).unwrap();
        assert_eq!(host.answered_header("vary"), ["Accept, Cookie, Origin"]);
    }
}
