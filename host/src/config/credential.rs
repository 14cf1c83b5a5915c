//! What is a credential by its form, wherever it stands.

/// How texts begin that are credentials (RFC 9110, 11.4, and schemes that are not registered).
const SCHEMES: [&str; 6] = ["bearer ", "basic ", "digest ", "token ", "apikey ", "negotiate "];

/// How keys begin that those who give them out mark, so that they are found where they should not be, and JSON Web
/// Tokens (`{"alg` and `{"typ` in base64url).
const MARKS: [&str; 12] = [
    "sk-",
    "sk_live_",
    "rk_live_",
    "ghp_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "AIza",
    "eyJhbGci",
    "eyJ0eXAi",
];

/// Keys with a mark are no shorter.
const SHORTEST: usize = 16;

/// Whether a text is a credential. A challenge (`Basic realm="shop"`) is none, nor is a sentence.
pub fn is_credential(text: &str) -> bool {
    let text = text.trim_start();
    let has_scheme = after_scheme(text).is_some_and(is_token68);
    let is_marked = text.len() >= SHORTEST
        && !text.contains(char::is_whitespace)
        && MARKS.iter().any(|mark| text.starts_with(mark));
    let is_private = text.to_ascii_lowercase().contains("private key-----");
    has_scheme || is_marked || is_private
}

/// Whether a text may be one, or a template of one: what is hidden is hidden once too often rather than shown once.
pub(super) fn may_be_credential(text: &str) -> bool {
    after_scheme(text.trim_start()).is_some() || is_credential(text)
}

fn after_scheme(text: &str) -> Option<&str> {
    SCHEMES.iter().find_map(|scheme| {
        let start = text.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| text[scheme.len()..].trim())
    })
}

/// RFC 9110, 11.2.
fn is_token68(text: &str) -> bool {
    let bare = text.trim_end_matches('=');
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !bare.is_empty() && bare.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::{is_credential, may_be_credential};

    #[test]
    fn credentials_are_known_by_their_form() {
        for text in [
            "Bearer abc",
            "bAsIc dTpw",
            "sk-live-4242424242424242",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
            "-----BEGIN RSA PRIVATE KEY-----\nabc",
        ] {
            assert!(is_credential(text), "{text}");
        }
        let challenges =
            ["Basic realm=\"shop\"", "Token buckets are per client", "Bearer {secret}"];
        for text in challenges {
            assert!(!is_credential(text) && may_be_credential(text), "{text}");
        }
        for text in ["bearer", "sk-8", "sk-this is a sentence", "x-api-key", ""] {
            assert!(!is_credential(text) && !may_be_credential(text), "{text}");
        }
    }
}
