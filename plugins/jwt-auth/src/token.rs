//! A token, taken apart: the compact serialisation of RFC 7515, 3.1, and no other. Nothing here
//! knows the gateway, and nothing is believed yet.

use std::{cell::RefCell, fmt, rc::Rc, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::{algorithm::Algorithm, json};

/// A token whose signature nobody has verified.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub(crate) header: Rc<Header>,
    /// What is signed: the first two parts, as they came.
    pub(crate) message: &'a str,
    pub(crate) signature: Vec<u8>,
    payload: &'a str,
}

/// What is looked at of the header (RFC 7515, 4.1). `jku`, `jwk`, `x5u`, `x5c` and `x5t` are not:
/// a token does not say which key to trust.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
}

/// The header that was read last. All tokens of an issuer have the same, as long as it signs with the same key, and to
/// read it takes a quarter of what all of a token takes.
#[derive(Debug, Default)]
pub(crate) struct LastHeader(RefCell<Option<(String, Rc<Header>)>>);

/// Why a text is no token, for the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'a> Token<'a> {
    pub(crate) fn parse(text: &'a str, headers: &LastHeader) -> Result<Self, Malformed> {
        let parts: Vec<_> = text.splitn(4, '.').collect();
        let [header, payload, signature] = parts[..] else {
            return Err(malformed(match text.split('.').count() {
                5 => "it has five parts: it is encrypted (JWE), not signed".into(),
                count => format!("it has {count} parts, not three"),
            }));
        };
        if signature.is_empty() {
            return Err(malformed("it is not signed"));
        }
        Ok(Self {
            header: headers.read(header)?,
            message: &text[..header.len() + 1 + payload.len()],
            signature: decoded("signature", signature)?,
            payload,
        })
    }

    /// The claims, and the text that they were read from. To be asked for when the signature is verified.
    pub(crate) fn claims(&self) -> Result<(Map<String, Value>, Vec<u8>), Malformed> {
        let text = decoded("payload", self.payload)?;
        Ok((object("payload", &text)?, text))
    }
}

impl LastHeader {
    fn read(&self, part: &str) -> Result<Rc<Header>, Malformed> {
        if let Some((text, header)) = &*self.0.borrow()
            && text == part
        {
            return Ok(header.clone());
        }
        let header = Rc::new(Header::parse(part)?);
        self.0.replace(Some((part.to_owned(), header.clone())));
        Ok(header)
    }
}

impl Header {
    fn parse(part: &str) -> Result<Self, Malformed> {
        let members = object("header", &decoded("header", part)?)?;
        refuse_extensions(&members)?;
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(malformed(format!("`{name}` in its header is no text"))),
        };
        let name = text("alg")?.ok_or_else(|| malformed("its header has no `alg`"))?;
        let algorithm = Algorithm::from_str(&name)
            .map_err(|_| malformed(format!("its algorithm {} is not known", quoted(&name))))?;
        Ok(Self { algorithm, kid: text("kid")?, typ: text("typ")? })
    }
}

/// Extensions that change what the signature is over or what it means. None is understood here, and
/// what `crit` names must be understood (RFC 7515, 4.1.11; RFC 7797, 6).
fn refuse_extensions(header: &Map<String, Value>) -> Result<(), Malformed> {
    if header.contains_key("crit") {
        return Err(malformed("its header has `crit`: no extension is understood here"));
    }
    match header.get("b64") {
        None | Some(Value::Bool(true)) => Ok(()),
        Some(_) => Err(malformed("its header has `b64`: an unencoded payload is not accepted")),
    }
}

fn object(what: &str, text: &[u8]) -> Result<Map<String, Value>, Malformed> {
    json::parse_object(text).map_err(|error| malformed(format!("its {what}: {error}")))
}

/// Base64url by the letter (RFC 7515, 2): no padding, no whitespace, no bits left over, so that one
/// token has one spelling.
fn decoded(what: &str, part: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|error| malformed(format!("its {what} is not base64url: {error}")))
}

fn malformed(text: impl Into<String>) -> Malformed {
    Malformed(text.into())
}

/// What a client sent, fit for a log line: escaped and short.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", &text[..end]),
    }
}

/// Characters; enough for a key's name.
const MAX_QUOTED: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    fn token(header: &str) -> String {
        format!("{}.{}.{}", encoded(header), encoded(r#"{"sub":"a"}"#), encoded("sign"))
    }

    fn wrong(text: &str) -> String {
        Token::parse(text, &LastHeader::default()).unwrap_err().0
    }

    #[test]
    fn a_token_is_taken_apart() {
        let text = token(r#"{"alg":"RS256","kid":"1","typ":"JWT","jku":"https://evil.example"}"#);
        let token = Token::parse(&text, &LastHeader::default()).unwrap();
        assert_eq!(token.header.algorithm, Algorithm::RS256);
        assert_eq!(token.header.kid.as_deref(), Some("1"));
        assert_eq!(token.header.typ.as_deref(), Some("JWT"));
        assert_eq!(token.signature, b"sign");
        assert_eq!(token.message, text.rsplit_once('.').unwrap().0);
        assert_eq!(token.claims().unwrap().0["sub"], "a");
    }

    #[test]
    fn each_token_has_its_own_header() {
        let headers = LastHeader::default();
        for _ in 0..2 {
            for kid in ["1", "1", "2", "11"] {
                let text = token(&format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#));
                let read = Token::parse(&text, &headers).unwrap();
                assert_eq!(read.header.kid.as_deref(), Some(kid));
            }
            assert!(Token::parse(&token(r#"{"alg":"none"}"#), &headers).is_err());
        }
    }

    #[test]
    fn none_is_no_algorithm_in_any_spelling() {
        for name in ["none", "None", "NONE", "nOnE", "none ", "", "null"] {
            let text = token(&format!(r#"{{"alg":"{name}"}}"#));
            assert!(wrong(&text).contains("is not known"), "{name}");
        }
        for header in [r#"{}"#, r#"{"alg":null}"#, r#"{"alg":["RS256"]}"#, r#"{"Alg":"RS256"}"#] {
            assert!(wrong(&token(header)).contains("`alg`"), "{header}");
        }
    }

    #[test]
    fn extensions_are_refused() {
        for header in [
            r#"{"alg":"RS256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","crit":null}"#,
        ] {
            assert!(wrong(&token(header)).contains("`crit`"), "{header}");
        }
        assert!(wrong(&token(r#"{"alg":"RS256","b64":false}"#)).contains("`b64`"));
        assert!(wrong(&token(r#"{"alg":"RS256","b64":"false"}"#)).contains("`b64`"));
        assert!(
            Token::parse(&token(r#"{"alg":"RS256","b64":true}"#), &LastHeader::default()).is_ok()
        );
    }

    #[test]
    fn there_are_three_parts() {
        let good = token(r#"{"alg":"RS256"}"#);
        for text in ["", ".", "a.b", &format!("{good}.x"), &format!(".{good}")] {
            assert!(wrong(text).contains("parts"), "{text}");
        }
        assert!(wrong("a.b.c.d.e").contains("JWE"));
        let (message, _) = good.rsplit_once('.').unwrap();
        assert_eq!(wrong(&format!("{message}.")), "it is not signed");
    }

    #[test]
    fn base64url_is_taken_by_the_letter() {
        let good = token(r#"{"alg":"RS256"}"#);
        assert!(Token::parse(&good, &LastHeader::default()).is_ok());
        // Padding; whitespace; bits left over, for "sign" is "c2lnbg".
        let bits = format!("{}h", good.strip_suffix('g').unwrap());
        for text in [format!("{good}="), format!("{good}\n"), format!("{good} "), bits] {
            assert!(wrong(&text).contains("signature is not base64url"), "{text}");
        }
        for text in [format!(" {good}"), good.replacen("ey", "e+", 1), good.replacen("ey", "éy", 1)]
        {
            assert!(wrong(&text).contains("header is not base64url"), "{text}");
        }
    }

    #[test]
    fn a_header_is_an_object_without_doubles() {
        assert!(wrong(&token(r#"{"alg":"none","alg":"RS256"}"#)).contains("twice"));
        assert!(wrong(&token(r#"["RS256"]"#)).contains("no JSON object"));
        assert!(wrong(&token(r#"{"alg":"RS256","kid":7}"#)).contains("`kid`"));
    }

    #[test]
    fn what_is_logged_is_short_and_on_one_line() {
        assert_eq!(quoted("a\nb\u{1b}"), r#""a\nb\u{1b}""#);
        assert!(quoted(&"ä".repeat(1000)).chars().count() < 90);
    }
}
