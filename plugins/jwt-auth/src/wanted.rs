//! Which scopes, roles and claims a token must have. Nothing here knows the gateway.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::claims::{self, Claims};

/// What must be there: all of one list, and one of the other. An empty list asks for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted<T> {
    pub(crate) all: Vec<T>,
    pub(crate) any: Vec<T>,
}

/// All that a token must have to be let through.
#[derive(Debug)]
pub(crate) struct Requirements {
    pub(crate) scopes: Wanted<String>,
    /// Where the scopes are; none: in `scope` (RFC 8693, 4.2), or else in `scp`.
    pub(crate) scope_claim: Option<Vec<String>>,
    pub(crate) roles: Wanted<String>,
    pub(crate) role_claim: Vec<String>,
    /// By path.
    pub(crate) claims: BTreeMap<String, (Vec<String>, Wanted<Value>)>,
}

/// What a token lacks, for the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lacking {
    Scope(String),
    Other(String),
}

impl<T> Wanted<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty()
    }

    fn is_met(&self, has: impl Fn(&T) -> bool) -> bool {
        self.all.iter().all(&has) && (self.any.is_empty() || self.any.iter().any(&has))
    }
}

impl Requirements {
    /// The token's scopes.
    pub(crate) fn scopes<'a>(&self, claims: &'a Claims) -> Vec<&'a str> {
        let found = match &self.scope_claim {
            Some(path) => claims::find(claims, path),
            None => claims.get("scope").or_else(|| claims.get("scp")),
        };
        found.map(claims::words).unwrap_or_default()
    }

    /// Whether the token has what it must.
    pub(crate) fn check(&self, claims: &Claims) -> Result<(), Lacking> {
        let scopes = self.scopes(claims);
        if !self.scopes.is_met(|wanted| scopes.contains(&wanted.as_str())) {
            return Err(Lacking::Scope(format!("its scopes are {scopes:?}")));
        }
        let roles = claims::find(claims, &self.role_claim).map(claims::names).unwrap_or_default();
        if !self.roles.is_met(|wanted| roles.contains(&wanted.as_str())) {
            return Err(Lacking::Other(format!("its roles are {roles:?}")));
        }
        for (name, (path, wanted)) in &self.claims {
            let claim = claims::find(claims, path);
            if !wanted.is_met(|wanted| claim.is_some_and(|claim| claims::has(claim, wanted))) {
                return Err(Lacking::Other(format!("its claim `{name}` is {}", shown(claim))));
            }
        }
        Ok(())
    }
}

fn shown(claim: Option<&Value>) -> String {
    claim.map_or("not there".into(), |claim| crate::token::quoted(&claim.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn requirements() -> Requirements {
        Requirements {
            scopes: Wanted::default(),
            scope_claim: None,
            roles: Wanted::default(),
            role_claim: vec!["realm_access".into(), "roles".into()],
            claims: BTreeMap::new(),
        }
    }

    fn wanted(all: &[&str], any: &[&str]) -> Wanted<String> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Wanted { all: owned(all), any: owned(any) }
    }

    fn is_met(requirements: &Requirements, claims: Value) -> bool {
        let Value::Object(claims) = claims else { unreachable!() };
        requirements.check(&claims).is_ok()
    }

    #[test]
    fn scopes_are_met_by_whole_words() {
        let all = Requirements { scopes: wanted(&["a", "b"], &[]), ..requirements() };
        let any = Requirements { scopes: wanted(&[], &["a", "b"]), ..requirements() };
        for (claims, meets_all, meets_any) in [
            (json!({ "scope": "b a c" }), true, true),
            (json!({ "scp": ["a", "b"] }), true, true),
            (json!({ "scp": "a" }), false, true),
            (json!({ "scope": "ab" }), false, false),
            (json!({ "scope": "A B" }), false, false),
            (json!({ "scp": ["a b"] }), false, false),
            (json!({ "scope": "c", "scp": ["a", "b"] }), false, false),
            (json!({ "scope": 7 }), false, false),
            (json!({}), false, false),
        ] {
            assert_eq!(is_met(&all, claims.clone()), meets_all, "{claims}");
            assert_eq!(is_met(&any, claims.clone()), meets_any, "{claims}");
        }
        let path = Some(vec!["permissions".into()]);
        let elsewhere = Requirements { scope_claim: path, ..all };
        assert!(is_met(&elsewhere, json!({ "permissions": ["a", "b"] })));
        assert!(!is_met(&elsewhere, json!({ "scope": "a b" })));
    }

    #[test]
    fn all_and_any_are_both_asked_for() {
        let both = Requirements { scopes: wanted(&["a"], &["b", "c"]), ..requirements() };
        assert!(is_met(&both, json!({ "scope": "a c" })));
        assert!(
            !is_met(&both, json!({ "scope": "a" })) && !is_met(&both, json!({ "scope": "b c" }))
        );
    }

    #[test]
    fn roles_are_found_by_path() {
        let admin = Requirements { roles: wanted(&["admin"], &[]), ..requirements() };
        assert!(is_met(&admin, json!({ "realm_access": { "roles": ["admin"] } })));
        assert!(is_met(&admin, json!({ "realm_access": { "roles": "admin" } })));
        assert!(!is_met(&admin, json!({ "realm_access": { "roles": "admin x" } })), "one name");
        assert!(!is_met(&admin, json!({ "roles": ["admin"] })));
    }

    #[test]
    fn claims_have_types() {
        let verified = Wanted { all: vec![json!(true)], any: Vec::new() };
        let name = "email_verified".to_owned();
        let claims = BTreeMap::from([(name.clone(), (vec![name], verified))]);
        let requirements = Requirements { claims, ..requirements() };
        assert!(is_met(&requirements, json!({ "email_verified": true })));
        for other in [json!("true"), json!(1), json!(false), json!(null)] {
            assert!(!is_met(&requirements, json!({ "email_verified": other })));
        }
        assert_eq!(
            requirements.check(&Claims::new()),
            Err(Lacking::Other("its claim `email_verified` is not there".into()))
        );
    }
}
