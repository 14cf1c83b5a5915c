//! Headers that are two here, and one to many a service.

/// Whether two headers' names differ in dashes and underscores alone: many a service reads `x_user_id` and `x-user-id` as
/// one (CGI, RFC 3875, 4.1.18), so whoever judges the one has to look at the other. Names as the host gives them, in
/// lower case.
pub fn are_twins(one: &str, other: &str) -> bool {
    let is_either = |byte| matches!(byte, b'-' | b'_');
    one != other
        && one.len() == other.len()
        && one.bytes().zip(other.bytes()).all(|(a, b)| a == b || is_either(a) && is_either(b))
}

#[cfg(test)]
mod tests {
    use super::are_twins;

    #[test]
    fn twins_differ_in_dashes_and_underscores_alone() {
        for twin in ["x_user_id", "x_user-id", "x-user_id"] {
            assert!(are_twins(twin, "x-user-id") && are_twins("x-user-id", twin), "{twin}");
        }
        for other in ["x-user-id", "x_user_i", "x_user_ids", "x.user.id", "y_user_id", ""] {
            assert!(!are_twins(other, "x-user-id"), "{other}");
        }
    }
}
