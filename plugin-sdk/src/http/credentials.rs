//! Credentials, as they stand in `authorization`.

use crate::header_name::is_token;

/// What stands behind a scheme (RFC 9110, 11.4), without the spaces before it: `Basic YTpi` has `YTpi` of `basic`. None
/// where the scheme is another one.
///
/// The scheme is the word that the value begins with, whatever ends it. Some services take `Bearer<TAB>token` and
/// `Bearer,token` for a token: whoever takes them for none lets them pass unseen.
pub fn credentials<'a>(value: &'a [u8], scheme: &str) -> Option<Result<&'a [u8], Malformed>> {
    let end = value.iter().position(|&byte| !is_token(byte)).unwrap_or(value.len());
    let (given, rest) = value.split_at(end);
    if !given.eq_ignore_ascii_case(scheme.as_bytes()) {
        return None;
    }
    let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
    Some(if spaces == 0 && !rest.is_empty() { Err(Malformed) } else { Ok(&rest[spaces..]) })
}

/// Something other than a space stands behind the scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_the_first_word_whatever_ends_it() {
        let bearer = |value: &'static str| credentials(value.as_bytes(), "Bearer");
        for (value, rest) in
            [("Bearer a.b.c", "a.b.c"), ("bEARER   a  b", "a  b"), ("Bearer", ""), ("Bearer  ", "")]
        {
            assert_eq!(bearer(value), Some(Ok(rest.as_bytes())), "{value}");
        }
        for value in ["Bearer\ta", "Bearer,a", "Bearer, a", "Bearer:a", "Bearer=a", "Bearer\u{a0}a"]
        {
            assert_eq!(bearer(value), Some(Err(Malformed)), "{value}");
        }
        for value in
            ["Basic YTpi", "Bearera.b.c", "Bearer-a", "a.b.c", "", " Bearer a", ",Bearer a"]
        {
            assert_eq!(bearer(value), None, "{value}");
        }
    }
}
