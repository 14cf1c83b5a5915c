//! Claims of a verified token, as the attribute `auth.claims` has them.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Finds a claim. `["realm_access", "roles"]` goes deeper. What is `null` is not there.
///
/// Names with dots are common (`https://shop.example/roles`), and settings write a path with dots, so the longest name
/// that is there wins: the path above finds a claim called `realm_access.roles` first, and the member `roles` of
/// `realm_access` if there is none.
pub fn find<'a>(claims: &'a Map<String, Value>, path: &[impl AsRef<str>]) -> Option<&'a Value> {
    let found = find_by(path, &|name| claims.get(name), &|value, name| value.get(name));
    found.filter(|value| !value.is_null())
}

/// The same in claims of another form: `claim` gives one by its name, `member` a member of one.
pub fn find_by<V>(
    path: &[impl AsRef<str>],
    claim: &dyn Fn(&str) -> Option<V>,
    member: &dyn Fn(&V, &str) -> Option<V>,
) -> Option<V> {
    (1..=path.len()).rev().find_map(|length| {
        let (name, rest) = path.split_at(length);
        let found = claim(&joined(name))?;
        if rest.is_empty() {
            return Some(found);
        }
        find_by(rest, &|name| member(&found, name), member)
    })
}

fn joined(names: &[impl AsRef<str>]) -> Cow<'_, str> {
    match names {
        [name] => Cow::Borrowed(name.as_ref()),
        names => Cow::Owned(names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(".")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_longest_name_wins() {
        let Value::Object(claims) = json!({
            "sub": "a",
            "nothing": null,
            "realm": { "roles": ["r"], "a.b": { "c": 1 } },
            "https://shop.example/roles": ["x"],
            "flat": { "name": "deep" },
            "flat.name": "flat",
        }) else {
            unreachable!()
        };
        let find = |text: &str| find(&claims, &text.split('.').collect::<Vec<_>>()).cloned();
        assert_eq!(find("sub"), Some(json!("a")));
        assert_eq!(find("realm.roles"), Some(json!(["r"])));
        assert_eq!(find("realm.a.b.c"), Some(json!(1)));
        assert_eq!(find("https://shop.example/roles"), Some(json!(["x"])));
        assert_eq!(find("flat.name"), Some(json!("flat")));
        for absent in ["nothing", "sub.x", "realm.x", "x", "realm.roles.0"] {
            assert_eq!(find(absent), None, "{absent}");
        }
        assert_eq!(super::find(&claims, &[""; 0]), None);
    }
}
