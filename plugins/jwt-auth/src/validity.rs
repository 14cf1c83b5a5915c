//! Whether a token is meant for us, and for now (RFC 7519, 4.1 and 7.2). Nothing here knows the
//! gateway.

use serde_json::Value;

use crate::{claims::Claims, token::quoted};

/// What a token must say to be taken.
#[derive(Debug)]
pub(crate) struct Validity {
    /// Issuers that are taken; none: any.
    pub(crate) issuers: Vec<String>,
    /// Audiences that are meant; none: any.
    pub(crate) audiences: Vec<String>,
    /// The `typ` that the header must have; none: those of [`USUAL_TYPES`], or no `typ`.
    pub(crate) typ: Option<String>,
    pub(crate) require_exp: bool,
    /// How far clocks may be apart, in milliseconds.
    pub(crate) leeway: u64,
    /// How long after `iat` a token is taken, in milliseconds.
    pub(crate) max_age: Option<u64>,
}

/// When a token can be used, in milliseconds since 1970, the leeway included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    from: f64,
    until: f64,
    leeway: f64,
}

/// Why a token is not taken, for the log.
#[derive(Debug, PartialEq)]
pub(crate) enum Invalid {
    /// It was good once.
    Expired(String),
    Other(String),
}

impl Window {
    /// Whether a token can be used now.
    pub(crate) fn contains(&self, now: u64) -> bool {
        (self.from..self.until).contains(&(now as f64))
    }
}

/// An access token says `at+jwt` (RFC 9068, 2.1), older ones `JWT` or nothing. Others are made for
/// other things, some by the same issuer with the same keys: logout tokens, security events, proofs
/// of possession (RFC 8725, 3.11).
const USUAL_TYPES: [&str; 2] = ["jwt", "at+jwt"];

impl Validity {
    /// Checks a token whose signature holds, and says when it can be used.
    pub(crate) fn check(
        &self,
        typ: Option<&str>,
        claims: &Claims,
        now: u64,
    ) -> Result<Window, Invalid> {
        self.check_type(typ).map_err(Invalid::Other)?;
        self.check_issuer(claims).map_err(Invalid::Other)?;
        self.check_audience(claims).map_err(Invalid::Other)?;
        self.check_time(claims, now)
    }

    fn check_type(&self, typ: Option<&str>) -> Result<(), String> {
        // RFC 7515, 4.1.9: a media type, `application/` may be left out, case does not count.
        let given = typ.map(|typ| {
            let typ = typ.to_ascii_lowercase();
            typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
        });
        let is_good = match (&self.typ, &given) {
            (Some(wanted), given) => given.as_ref() == Some(wanted),
            (None, Some(given)) => USUAL_TYPES.contains(&given.as_str()),
            (None, None) => true,
        };
        if is_good {
            return Ok(());
        }
        let given = typ.map_or("none".to_owned(), quoted);
        Err(format!("its `typ` is {given}, not {}", self.typ.as_deref().unwrap_or("JWT or at+jwt")))
    }

    fn check_issuer(&self, claims: &Claims) -> Result<(), String> {
        if self.issuers.is_empty() {
            return Ok(());
        }
        match claims.get("iss") {
            Some(Value::String(issuer)) if self.issuers.contains(issuer) => Ok(()),
            Some(Value::String(issuer)) => Err(format!("its issuer is {}", quoted(issuer))),
            Some(_) => Err("its `iss` is no text".into()),
            None => Err("it has no `iss`".into()),
        }
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), String> {
        if self.audiences.is_empty() {
            return Ok(());
        }
        let audiences = match claims.get("aud") {
            Some(Value::String(audience)) => vec![audience.as_str()],
            Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).collect(),
            Some(_) => return Err("its `aud` is neither a text nor a list".into()),
            None => return Err("it has no `aud`".into()),
        };
        let is_ours = |audience: &&str| self.audiences.iter().any(|ours| ours == audience);
        if audiences.iter().any(is_ours) {
            return Ok(());
        }
        Err(format!("it is for {}, not for us", quoted(&audiences.join(" "))))
    }

    fn check_time(&self, claims: &Claims, now: u64) -> Result<Window, Invalid> {
        let exp = date(claims, "exp")?;
        if self.require_exp && exp.is_none() {
            return Err(Invalid::Other("it has no `exp`: it would never expire".into()));
        }
        let (nbf, iat) = (date(claims, "nbf")?, date(claims, "iat")?);
        let leeway = self.leeway as f64;
        let mut window = Window { from: f64::NEG_INFINITY, until: f64::INFINITY, leeway };
        if let Some(exp) = exp {
            window.until = exp + leeway;
        }
        if let Some(nbf) = nbf {
            window.from = nbf - leeway;
        }
        if let Some(max_age) = self.max_age {
            let iat =
                iat.ok_or_else(|| Invalid::Other("it has no `iat`: how old is it?".into()))?;
            window.from = window.from.max(iat - leeway);
            window.until = window.until.min(iat + max_age as f64 + leeway);
        }
        window.judge(now)
    }
}

impl Window {
    fn judge(self, now: u64) -> Result<Self, Invalid> {
        if self.contains(now) {
            return Ok(self);
        }
        // What the token says is told, without the leeway.
        let now = now as f64;
        if now >= self.until {
            let seconds = ((now - self.until + self.leeway) / 1000.0).floor();
            return Err(Invalid::Expired(format!("it expired {seconds} s ago")));
        }
        let seconds = ((self.from - now + self.leeway) / 1000.0).ceil();
        Err(Invalid::Other(format!("it is not valid before {seconds} s from now")))
    }
}

/// A NumericDate (RFC 7519, 2), in milliseconds: a number of seconds, maybe with a fraction.
fn date(claims: &Claims, name: &str) -> Result<Option<f64>, Invalid> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(seconds)) => Ok(seconds.as_f64().map(|seconds| seconds * 1000.0)),
        Some(_) => Err(Invalid::Other(format!("its `{name}` is no number"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_000_000;

    fn validity() -> Validity {
        Validity {
            issuers: vec!["https://idp.example".into()],
            audiences: vec!["shop".into(), "desk".into()],
            typ: None,
            require_exp: true,
            leeway: 10_000,
            max_age: None,
        }
    }

    fn claims(more: Value) -> Claims {
        let Value::Object(mut claims) = json!({
            "iss": "https://idp.example",
            "aud": "shop",
            "exp": NOW / 1000 + 60,
        }) else {
            unreachable!()
        };
        let Value::Object(more) = more else { unreachable!() };
        claims.extend(more);
        claims.retain(|_, value| !value.is_null());
        claims
    }

    fn check(validity: &Validity, more: Value) -> Result<Window, Invalid> {
        validity.check(None, &claims(more), NOW)
    }

    fn wrong(more: Value) -> String {
        match check(&validity(), more).unwrap_err() {
            Invalid::Expired(text) | Invalid::Other(text) => text,
        }
    }

    #[test]
    fn an_issuer_is_compared_by_the_letter() {
        assert!(check(&validity(), json!({})).is_ok());
        for other in ["https://idp.example/", "HTTPS://idp.example", "https://idp.example.evil"] {
            assert!(wrong(json!({ "iss": other })).contains("issuer"), "{other}");
        }
        assert_eq!(wrong(json!({ "iss": null })), "it has no `iss`");
        assert_eq!(wrong(json!({ "iss": ["https://idp.example"] })), "its `iss` is no text");
    }

    #[test]
    fn one_audience_must_be_ours() {
        assert!(check(&validity(), json!({ "aud": ["x", "desk"] })).is_ok());
        for other in [json!("shop "), json!(["x"]), json!([]), json!(""), json!([["shop"]])] {
            assert!(wrong(json!({ "aud": other })).contains("not for us"), "{other}");
        }
        assert_eq!(wrong(json!({ "aud": null })), "it has no `aud`");
        assert!(wrong(json!({ "aud": 7 })).contains("neither"));
        assert!(wrong(json!({ "aud": { "shop": true } })).contains("neither"));
        let anyone = Validity { audiences: Vec::new(), ..validity() };
        assert!(check(&anyone, json!({ "aud": "x" })).is_ok());
    }

    #[test]
    fn a_token_expires_with_the_leeway() {
        let window = check(&validity(), json!({ "exp": 1000 })).unwrap();
        assert!(window.contains(1_009_999) && !window.contains(1_010_000));
        assert!(check(&validity(), json!({ "exp": 990.5 })).is_ok());
        let expired = check(&validity(), json!({ "exp": 985 }));
        assert_eq!(expired, Err(Invalid::Expired("it expired 15 s ago".into())));
        assert!(wrong(json!({ "exp": -1 })).contains("expired"));
        assert!(wrong(json!({ "exp": null })).contains("no `exp`"));
        assert!(wrong(json!({ "exp": "1060" })).contains("no number"));
        assert!(wrong(json!({ "exp": [1060] })).contains("no number"));
        let forever = Validity { require_exp: false, ..validity() };
        assert!(check(&forever, json!({ "exp": null })).unwrap().contains(u64::MAX));
        assert!(check(&forever, json!({ "exp": 985 })).is_err(), "where it is, it counts");
    }

    #[test]
    fn a_token_can_be_too_new() {
        assert!(check(&validity(), json!({ "nbf": 1010 })).is_ok());
        assert!(wrong(json!({ "nbf": 1011 })).contains("not valid before 11 s"));
        assert!(wrong(json!({ "nbf": "0" })).contains("`nbf` is no number"), "never ignored");
    }

    #[test]
    fn a_token_can_be_too_old() {
        let validity = Validity { max_age: Some(60_000), ..validity() };
        let window = check(&validity, json!({ "iat": 990 })).unwrap();
        assert!(window.contains(1_059_999) && !window.contains(1_060_000));
        assert!(matches!(check(&validity, json!({ "iat": 930 })), Err(Invalid::Expired(_))));
        assert!(check(&validity, json!({})).is_err(), "without `iat` nobody knows its age");
        assert!(check(&validity, json!({ "iat": 1100 })).is_err(), "made in the future");
        let extremes = json!({ "iat": 1e300, "exp": 1e300, "nbf": -1e300 });
        assert!(check(&validity, extremes).is_err());
    }

    #[test]
    fn a_type_says_what_a_token_is_for() {
        let check = |wanted: Option<&str>, typ: Option<&str>| {
            let validity = Validity { typ: wanted.map(str::to_owned), ..validity() };
            validity.check(typ, &claims(json!({})), NOW).is_ok()
        };
        for usual in [None, Some("JWT"), Some("jwt"), Some("at+jwt"), Some("application/at+JWT")] {
            assert!(check(None, usual), "{usual:?}");
        }
        for other in ["logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "JWT ", ""] {
            assert!(!check(None, Some(other)), "{other}");
        }
        assert!(check(Some("at+jwt"), Some("application/at+jwt")));
        assert!(!check(Some("at+jwt"), Some("JWT")) && !check(Some("at+jwt"), None));
    }
}
