//! What is answered to whom: the header fields of the Fetch standard (section 3.3). Nothing here
//! knows the gateway.

use crate::{
    origin::{Origins, default_port},
    settings::Settings,
};

/// The settings, made ready for answering.
pub(crate) struct Policy {
    pub(crate) origins: Origins,
    credentials: bool,
    methods: List,
    headers: List,
    expose: String,
    max_age: Option<String>,
    private_network: bool,
}

/// Names, and the field value that lists them.
struct List {
    names: Vec<String>,
    value: String,
}

impl List {
    fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<_> = names.map(str::to_owned).collect();
        let value = names.join(", ");
        Self { names, value }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}

pub(crate) type Fields = Vec<(&'static str, String)>;

/// Methods that a page may use without asking (Fetch, 2.2.1).
pub(crate) const SAFELISTED: [&str; 3] = ["GET", "HEAD", "POST"];

pub(crate) const ORIGIN: &str = "Origin";
pub(crate) const METHOD: &str = "Access-Control-Request-Method";
pub(crate) const HEADERS: &str = "Access-Control-Request-Headers";
pub(crate) const PRIVATE_NETWORK: &str = "Access-Control-Request-Private-Network";

impl From<&Settings> for Policy {
    fn from(settings: &Settings) -> Self {
        Self {
            origins: settings.origins(),
            credentials: settings.credentials,
            methods: List::new(settings.methods.iter().map(|method| &**method)),
            headers: List::new(settings.headers.iter().map(|name| &**name)),
            expose: List::new(settings.expose.iter().map(|name| &**name)).value,
            max_age: settings.max_age.map(|seconds| seconds.to_string()),
            private_network: settings.private_network,
        }
    }
}

impl Policy {
    /// The value of `Access-Control-Allow-Origin`, if this origin is let in. Where all are, it is
    /// the same for all, so that caches can keep one response.
    pub(crate) fn admit<'a>(&self, origin: &'a str) -> Option<&'a str> {
        match &self.origins {
            Origins::Any => Some("*"),
            listed => listed.allow(origin).then_some(origin),
        }
    }

    /// The value that every response has, whoever asks.
    pub(crate) fn of_everybody(&self) -> Option<&'static str> {
        (self.origins == Origins::Any).then_some("*")
    }

    /// Why a browser will not let a page do what it asked for in a preflight, for the log.
    pub(crate) fn objection(&self, method: &str, headers: &[String]) -> Option<String> {
        let may_use =
            SAFELISTED.contains(&method) || self.methods.has(method) || self.methods.has("*");
        if !may_use {
            return Some(format!("method {method}, which is not among `methods`"));
        }
        let names = headers.iter().flat_map(|line| line.split(',')).map(str::trim);
        let mut names = names.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase);
        // A star does not stand for this one (Fetch, 4.8).
        let may_set =
            |name: &str| self.headers.has(name) || self.headers.has("*") && name != "authorization";
        let other = names.find(|name| !may_set(name))?;
        Some(format!("header `{other}`, which is not among `headers`"))
    }

    /// What the response to a preflight says, beside `Vary`.
    pub(crate) fn of_preflight(&self, admitted: &str, asks_private_network: bool) -> Fields {
        let mut fields = self.of_all(admitted);
        let mut say = |name, value: &str| {
            if !value.is_empty() {
                fields.push((name, value.to_owned()));
            }
        };
        say("access-control-allow-methods", &self.methods.value);
        say("access-control-allow-headers", &self.headers.value);
        say("access-control-max-age", self.max_age.as_deref().unwrap_or_default());
        if self.private_network && asks_private_network {
            say("access-control-allow-private-network", "true");
        }
        fields
    }

    /// What every other response says, beside `Vary`.
    pub(crate) fn of_response(&self, admitted: &str) -> Fields {
        let mut fields = self.of_all(admitted);
        if !self.expose.is_empty() {
            fields.push(("access-control-expose-headers", self.expose.clone()));
        }
        fields
    }

    fn of_all(&self, admitted: &str) -> Fields {
        let mut fields = vec![("access-control-allow-origin", admitted.to_owned())];
        if self.credentials {
            fields.push(("access-control-allow-credentials", "true".into()));
        }
        fields
    }

    /// What a response depends on. A response to OPTIONS would be another one if it were a
    /// preflight's, and a preflight's says nothing to those who do not ask.
    pub(crate) fn vary(&self, is_options: bool) -> Vec<&'static str> {
        let origin = (is_options || self.origins != Origins::Any).then_some(ORIGIN);
        let asked = [METHOD, HEADERS].into_iter().filter(|_| is_options);
        let network = (is_options && self.private_network).then_some(PRIVATE_NETWORK);
        origin.into_iter().chain(asked).chain(network).collect()
    }
}

/// Whether a page asks for what is its own: its `Origin` is the one that it was served from, which
/// browsers send along with every POST.
pub(crate) fn is_same_origin(origin: &str, scheme: &str, authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse().ok() == default_port(scheme) => host,
        _ => authority,
    };
    let of_origin = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    !host.is_empty() && of_origin.is_some_and(|of_origin| of_origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::settings::parse;

    use super::*;

    fn policy(settings: &str) -> Policy {
        (&parse::<Settings>(settings).unwrap()).into()
    }

    #[test]
    fn a_listed_origin_is_answered_with_itself() {
        let policy = policy(r#"{"origins":["https://a.example"]}"#);
        assert_eq!(policy.admit("https://a.example"), Some("https://a.example"));
        assert_eq!(policy.admit("https://b.example"), None);
        assert_eq!(policy.vary(false), ["Origin"]);
    }

    #[test]
    fn a_star_is_the_same_for_all() {
        let policy = policy(r#"{"origins":["*"]}"#);
        assert_eq!(policy.admit("https://a.example"), Some("*"));
        assert_eq!(policy.vary(false), [""; 0]);
        assert_eq!(policy.vary(true), [ORIGIN, METHOD, HEADERS]);
    }

    #[test]
    fn the_log_says_why_a_browser_objects() {
        let strict = policy(r#"{"origins":["*"],"methods":["PUT"],"headers":["X-Trace"]}"#);
        let objection = |policy: &Policy, method, headers: &[&str]| {
            let headers: Vec<_> = headers.iter().map(|&line| line.to_owned()).collect();
            policy.objection(method, &headers)
        };
        assert_eq!(objection(&strict, "PUT", &["x-trace"]), None);
        assert_eq!(objection(&strict, "POST", &["X-TRACE, ", ""]), None);
        let method = "method PATCH, which is not among `methods`";
        assert_eq!(objection(&strict, "PATCH", &[]).unwrap(), method);
        assert!(objection(&strict, "put", &[]).is_some(), "byte for byte");
        let header = "header `x-b`, which is not among `headers`";
        assert_eq!(objection(&strict, "PUT", &["x-trace,X-B"]).unwrap(), header);

        let loose = policy(r#"{"origins":["*"],"methods":["*"],"headers":["*"]}"#);
        assert_eq!(objection(&loose, "PATCH", &["a,b"]), None);
        assert!(objection(&loose, "PATCH", &["a,authorization"]).is_some());
        let named = policy(r#"{"origins":["*"],"headers":["*","Authorization"]}"#);
        assert_eq!(objection(&named, "GET", &["authorization"]), None);
    }

    #[test]
    fn what_is_not_set_is_not_said() {
        let bare = policy(r#"{"origins":["https://a.example"],"methods":[]}"#);
        let names = |fields: Fields| fields.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(bare.of_preflight("x", true)), ["access-control-allow-origin"]);
        assert_eq!(names(bare.of_response("x")), ["access-control-allow-origin"]);
    }

    #[test]
    fn a_page_of_ours_is_no_stranger() {
        for (origin, scheme, authority) in [
            ("https://api.example", "https", "api.example"),
            ("https://api.example", "https", "api.example:443"),
            ("https://api.example", "https", "API.example"),
            ("http://api.example", "http", "api.example:80"),
            ("http://api.example:8080", "http", "api.example:8080"),
            ("http://[::1]:8080", "http", "[::1]:8080"),
            ("http://[::1]", "http", "[::1]:80"),
        ] {
            assert!(is_same_origin(origin, scheme, authority), "{origin} {authority}");
        }
        for (origin, scheme, authority) in [
            ("http://api.example", "https", "api.example"),
            ("https://api.example:8443", "https", "api.example"),
            ("https://api.example", "https", "api.example:8443"),
            ("https://api.example.evil.example", "https", "api.example"),
            ("https://evil.example", "https", "api.example"),
            ("null", "https", "api.example"),
            ("https://", "https", ""),
            ("httpsapi.example", "https", "api.example"),
        ] {
            assert!(!is_same_origin(origin, scheme, authority), "{origin} {authority}");
        }
    }
}
