//! A case, as it stands in its file.

use std::{collections::BTreeMap, num::NonZeroU32};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value as Json;

use super::{grants::Grants, params::params, settings::Entries};

/// One exchange: what comes in, what is set, what must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The plugin's settings, as in the TOML of a gateway and in its order.
    #[serde(default)]
    pub config: toml::Table,
    /// The plugin's grants. A case fails when the plugin uses what they lack.
    #[serde(default)]
    pub grants: Grants,
    /// The secrets that the grants name, as text. See [`Case::secret`].
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// The route that the request takes.
    #[serde(default)]
    pub route: RouteCase,
    /// What the client sends.
    #[serde(default)]
    pub request: RequestCase,
    /// Attributes that plugins before this one set.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// What the upstream answers. Without it, an empty 200.
    #[serde(default)]
    pub upstream: Answer,
    /// What other services answer. All of them must be asked.
    #[serde(default)]
    pub fetch: Vec<FetchCase>,
    /// Whether the stores (`kv`, `rate-limit`) answer.
    #[serde(default)]
    pub stores: Stores,
    /// The time, in seconds since 1970.
    pub now: Option<u64>,
    /// What must come out.
    pub expect: Expect,
}

/// Whether the stores answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stores {
    /// They do.
    #[default]
    Available,
    /// They do not.
    Unavailable,
}

/// A route.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteCase {
    /// Its name.
    pub name: String,
    /// The pattern that its path matches: `/users/{id}`, `/files/{*rest}`. Without it, any path.
    pub path: Option<String>,
    /// Other upstreams that the plugin may choose. The route's own is called `upstream`.
    pub alternatives: Vec<String>,
}

impl Default for RouteCase {
    fn default() -> Self {
        Self { name: "route".into(), path: None, alternatives: Vec::new() }
    }
}

/// A request.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestCase {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The header fields; `host`, however it is spelled, is the authority.
    pub headers: BTreeMap<String, Values>,
    /// The body.
    pub body: Option<String>,
    /// The client's address.
    pub client: String,
    /// How often it is sent. What comes of the last one is looked at.
    pub times: NonZeroU32,
}

impl Default for RequestCase {
    fn default() -> Self {
        Self {
            method: "GET".into(),
            path: "/".into(),
            headers: BTreeMap::new(),
            body: None,
            client: "192.0.2.1".into(),
            times: NonZeroU32::MIN,
        }
    }
}

/// The values of a header: one, or several field lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// One field line.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Values {
    /// All of them.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// What an upstream or another service answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// The status.
    #[serde(deserialize_with = "status")]
    pub status: u16,
    /// The header fields.
    pub headers: BTreeMap<String, Values>,
    /// The body.
    pub body: String,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: 200, headers: BTreeMap::new(), body: String::new() }
    }
}

/// One that an answer ends with: those below 200 announce another.
fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        status @ 200..1000 => Ok(status),
        other => Err(D::Error::custom(format!("a service never answers {other} (200 to 999)"))),
    }
}

/// A call to another service, and its outcome.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchCase {
    /// The call.
    pub request: FetchRequest,
    /// What the service answers. Without it, an empty 200.
    #[serde(default)]
    pub reply: Answer,
    /// What goes wrong, in the place of a reply.
    pub error: Option<FetchFailure>,
    /// How long it takes, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
}

/// A call to another service. It is found by `to`, `method` and `path`; all that is said of it must
/// hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchRequest {
    /// An upstream's name, or an origin.
    pub to: String,
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// Path and query.
    #[serde(default = "slash")]
    pub path: String,
    /// Header fields.
    #[serde(default)]
    pub headers: BTreeMap<String, ExpectedValue>,
    /// The body.
    pub body: Option<String>,
    /// The body, as JSON.
    pub json: Option<Json>,
}

fn get() -> String {
    "GET".into()
}

fn slash() -> String {
    "/".into()
}

/// How a call to another service goes wrong.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FetchFailure {
    /// No answer in time.
    Timeout,
    /// Nobody listens there.
    Unreachable,
    /// The answer breaks off.
    Protocol,
    /// The answer is larger than the cap.
    TooLarge,
}

/// What must come out. Nothing is looked at but what is said here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What the plugin decides.
    pub decision: Decision,
    /// What the upstream gets.
    #[serde(default)]
    pub request: ExpectedRequest,
    /// What the client gets.
    #[serde(default)]
    pub response: ExpectedResponse,
    /// Attributes after the last hook; `false`: it is not there.
    #[serde(default)]
    pub attributes: BTreeMap<String, ExpectedValue>,
    /// For `fail`: a part of the text for the log.
    pub failure: Option<String>,
    /// For `fail`: the text for the client.
    pub client: Option<String>,
    /// For `refuse`: the wrong settings, all of them.
    #[serde(default)]
    pub settings: Vec<ExpectedSettingError>,
    /// How long the other services were waited for, in milliseconds.
    pub elapsed_ms: Option<u64>,
    /// Parts of log lines, in order.
    #[serde(default)]
    pub log: Vec<String>,
}

/// What a plugin decides about an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The exchange goes through to the upstream and back.
    Next,
    /// The plugin replies.
    Respond,
    /// A hook fails. What the client gets is the host's to say.
    Fail,
    /// The plugin refuses its settings.
    Refuse,
}

/// The request as it goes to the upstream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectedRequest {
    /// Path and query.
    pub path: Option<String>,
    /// Header fields.
    pub headers: BTreeMap<String, ExpectedValue>,
    /// The body.
    pub body: Option<String>,
    /// The body, as JSON.
    pub json: Option<Json>,
    /// The upstream.
    pub upstream: Option<String>,
}

/// The response as it goes to the client.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectedResponse {
    /// The status.
    pub status: Option<u16>,
    /// Header fields.
    pub headers: BTreeMap<String, ExpectedValue>,
    /// The body.
    pub body: Option<String>,
    /// The body, as JSON.
    pub json: Option<Json>,
}

/// What a header or an attribute must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ExpectedValue {
    /// There, or not there.
    Is(bool),
    /// Exactly these.
    Values(Values),
}

/// One wrong setting.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedSettingError {
    /// Where it stands.
    pub path: Vec<String>,
    /// A part of the message.
    pub message: String,
}

impl Case {
    /// Reads a case.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The settings as a plugin gets them.
    pub fn settings(&self) -> String {
        serde_json::to_string(&Entries(&self.config)).unwrap_or_default()
    }

    /// The time, in milliseconds since 1970.
    pub fn unix_millis(&self) -> u64 {
        self.now.map_or(1_800_000_000_000, |seconds| seconds.saturating_mul(1000))
    }

    /// Host and port as the client names them.
    pub fn authority(&self) -> &str {
        let host = self.request.headers.iter().find(|(name, _)| is_host(name));
        let values = host.map(|(_, values)| values.as_slice()).unwrap_or_default();
        values.first().map_or("gateway.example", String::as_str)
    }

    /// The header fields of the request but for `Host`.
    pub fn fields(&self) -> impl Iterator<Item = (&String, &Values)> {
        self.request.headers.iter().filter(|(name, _)| !is_host(name))
    }

    /// Whether the request has a body: an empty one is none.
    pub fn body(&self) -> Option<&str> {
        self.request.body.as_deref().filter(|body| !body.is_empty())
    }

    /// The text of a secret. It has one even where the case has none: the gateway takes no empty ones.
    pub fn secret(&self, name: &str) -> &str {
        self.secrets.get(name).map_or("none", String::as_str)
    }

    /// The parameters of the route's path. None when the path does not match.
    pub fn params(&self) -> Option<Vec<(String, String)>> {
        let path = self.request.path.split('?').next().unwrap_or_default();
        match &self.route.path {
            Some(pattern) => params(pattern, path),
            None => Some(Vec::new()),
        }
    }
}

fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case("host")
}

#[cfg(test)]
mod tests {
    use super::Case;

    #[test]
    fn a_status_that_no_service_answers_is_refused_at_its_line() {
        for key in ["upstream", "fetch = [{ request.to = \"a\", reply"] {
            let end = if key == "upstream" { "" } else { " }]" };
            let case = |status: u32| {
                format!(
                    "{key} = {{ body = \"\",\n status = {status} }}{end}\n[expect]\ndecision = \"next\"\n"
                )
            };
            assert!(Case::parse(&case(204)).is_ok() && Case::parse(&case(999)).is_ok());
            for status in [0, 101, 1000] {
                let error = Case::parse(&case(status)).unwrap_err();
                let why = format!("a service never answers {status} (200 to 999)");
                assert!(error.contains("line 2") && error.contains(&why), "{error}");
            }
        }
    }

    #[test]
    fn the_host_has_no_case() {
        let case = |headers: &str| {
            let text =
                format!("request.headers = {{ {headers} }}\n[expect]\ndecision = \"next\"\n");
            Case::parse(&text).unwrap()
        };
        let named = case("Host = \"a.example\", x-a = \"1\"");
        assert_eq!(named.authority(), "a.example");
        assert_eq!(named.fields().map(|(name, _)| name).collect::<Vec<_>>(), ["x-a"]);
        assert_eq!(case("").authority(), "gateway.example");
    }

    #[test]
    fn settings_keep_their_order() {
        let case = "config = { z = 1, a = { c = [{ y = 1979-05-27, b = nan }], b = 2.5 }, m = \"\\n\" }\n\
                    [expect]\ndecision = \"next\"\n";
        let settings = Case::parse(case).unwrap().settings();
        let expected = r#"{"z":1,"a":{"c":[{"y":"1979-05-27","b":null}],"b":2.5},"m":"\n"}"#;
        assert_eq!(settings, expected);
    }
}
