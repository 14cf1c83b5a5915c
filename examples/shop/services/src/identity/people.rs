//! Who has an account.

use serde_json::{Value, json};

/// User and roles. Two of them do nothing but order, each from a quota of their own.
const PEOPLE: [(&str, &[&str]); 4] = [
    ("ann", &["customer"]),
    ("bob", &["customer", "admin"]),
    ("carol", &["customer"]),
    ("dave", &["customer"]),
];

/// What a token says of someone.
pub(super) fn claims(user: &str) -> Option<Value> {
    let (user, roles) = PEOPLE.iter().find(|(name, _)| *name == user)?;
    Some(json!({ "sub": user, "roles": roles }))
}

/// All users, for a message.
pub(super) fn names() -> String {
    PEOPLE.map(|(name, _)| name).join(", ")
}
