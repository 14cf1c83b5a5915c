//! `Vary`: what else than the target a response depends on. Nothing here knows the gateway.

/// The value of `Vary` with some names more. None: they are all there already, or `*` is, which
/// says that the response depends on everything (RFC 9110, 12.5.5).
pub(crate) fn with(lines: &[String], names: &[&str]) -> Option<String> {
    let there = || lines.iter().flat_map(|line| line.split(',')).map(str::trim);
    if there().any(|name| name == "*") {
        return None;
    }
    let is_missing = |name: &&&str| !there().any(|known| known.eq_ignore_ascii_case(name));
    let missing: Vec<_> = names.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        return None;
    }
    let known = there().filter(|name| !name.is_empty());
    Some(known.chain(missing).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vary(lines: &[&str], names: &[&str]) -> Option<String> {
        let lines: Vec<_> = lines.iter().map(|&line| line.to_owned()).collect();
        with(&lines, names)
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
}
