//! What the TOML can say.

use std::{borrow::Cow, collections::BTreeMap};

use template::Template;
use torana_plugin_sdk::{
    Size,
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{Deserialize, Deserializer, de::Error},
    settings::Duration,
};

use crate::storable::Rules;

/// What is kept, for whom, and for how long.
#[settings]
#[serde(default)]
pub(crate) struct Settings {
    /// Templates whose values are in the key, beside host, path and query: `["{attributes.consumer.id}"]` keeps each
    /// consumer's responses apart. A request that lacks one of the values is neither answered nor kept.
    pub(crate) key: Vec<Template>,
    /// What of the query is in the key.
    pub(crate) query: Query,
    /// The methods that are answered.
    #[schemars(length(min = 1))]
    pub(crate) methods: Vec<Method>,
    /// The statuses that are kept. Without it, all of which the service says for how long, and those that HTTP lets be
    /// kept without.
    pub(crate) statuses: Option<Vec<Status>>,
    /// How long responses of a status are fresh, whatever the service says: `{ 404 = "10s" }`. What must not be kept is
    /// not kept all the same.
    pub(crate) ttl: BTreeMap<Status, Duration>,
    /// How long responses are fresh of which the service says nothing.
    pub(crate) default_ttl: Option<Duration>,
    /// How long responses may be guessed to be fresh, a tenth of the time since `Last-Modified`, at the most. "0s": no
    /// guess.
    #[schemars(extend("default" = "0s"))]
    pub(crate) guess: Duration,
    /// How long a stale response is kept that the service can be asked about.
    #[schemars(extend("default" = "1h"))]
    pub(crate) keep: Duration,
    /// How long a stale response is used while one request asks the service, where that does not say it.
    #[schemars(extend("default" = "0s"))]
    pub(crate) stale_while_revalidate: Duration,
    /// How long a stale response is used where the service fails, where that does not say it.
    #[schemars(extend("default" = "0s"))]
    pub(crate) stale_if_error: Duration,
    /// The largest body that is kept, "1MiB" at the most.
    #[schemars(extend("default" = "512KiB"))]
    pub(crate) max_size: Size,
    /// How bodies are gathered.
    pub(crate) gather: Gather,
    /// Requests with one of these headers are neither answered nor kept.
    pub(crate) skip_requests_with: Vec<HeaderName>,
    /// Whether what clients say in `Cache-Control` and `Pragma` counts.
    pub(crate) request_directives: bool,
    /// What becomes of responses with `Set-Cookie`.
    pub(crate) set_cookie: SetCookie,
    /// Of several requests for what is not there, one goes to the service, and the others wait for it so long. Without
    /// it, all go.
    pub(crate) collapse: Option<Duration>,
    /// Whether responses have `Cache-Status`.
    pub(crate) cache_status: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            key: Vec::new(),
            query: Query::Exact,
            methods: vec![Method::Get, Method::Head],
            statuses: None,
            ttl: BTreeMap::new(),
            default_ttl: None,
            guess: Duration::seconds(0),
            keep: Duration::seconds(3600),
            stale_while_revalidate: Duration::seconds(0),
            stale_if_error: Duration::seconds(0),
            max_size: Size::of(512 << 10),
            gather: Gather::Stream,
            skip_requests_with: Vec::new(),
            request_directives: true,
            set_cookie: SetCookie::Refuse,
            collapse: None,
            cache_status: true,
        }
    }
}

/// What of the query is in the key.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Query {
    /// All of it, as it is.
    Exact,
    /// All of it, in the order of the parameters' names.
    Sorted,
}

/// A method that can be answered.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    /// What GET asks for is kept.
    Get,
    /// Answered from what was kept for GET.
    Head,
}

/// How bodies are gathered.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Gather {
    /// While they pass, unchanged: nothing waits, and what is too large is let go.
    Stream,
    /// Before they go on, and decoded where they have a coding. A body that is larger than `limits.body` is an error.
    Whole,
}

/// What becomes of responses with `Set-Cookie`.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SetCookie {
    /// They are not kept.
    Refuse,
    /// They are kept without it.
    Strip,
    /// They are kept with it: everybody gets the same cookies.
    Keep,
}

/// A final status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Status(pub(crate) u16);

/// What a value of the store has room for, less the room for a head.
const LARGEST: usize = 1 << 20;

impl Settings {
    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        if self.methods.is_empty() {
            errors.add(["methods"], "nothing would be answered: write \"GET\", \"HEAD\" or both");
        } else if !self.methods.contains(&Method::Get) {
            errors.add(
                ["methods"],
                "nothing would be kept, for HEAD is answered from what GET has brought: write \"GET\", too",
            );
        }
        for (path, duration) in self.lifetimes() {
            if duration.millis % 1000 != 0 {
                errors.add(path, "this is no whole number of seconds: write one, like \"1s\"");
            }
        }
        if self.statuses.as_ref().is_some_and(Vec::is_empty) {
            errors.add(
                ["statuses"],
                "nothing would be kept: write statuses, like [200, 404], or leave it out",
            );
        }
        if self.max_size.bytes() > LARGEST {
            errors.add(
                ["max_size"],
                "the store takes no value that is larger: write \"1MiB\" or less",
            );
        }
        if self.collapse.is_some_and(|wait| wait.millis == 0) {
            errors
                .add(["collapse"], "nobody would wait: write a time, like \"2s\", or leave it out");
        }
        errors.or(())
    }

    /// What is counted in seconds, as HTTP does, and where it stands.
    fn lifetimes(&self) -> Vec<(Vec<String>, Duration)> {
        let of_statuses =
            self.ttl.iter().map(|(status, ttl)| (vec!["ttl".into(), status.0.to_string()], *ttl));
        let others = [
            ("guess", self.guess),
            ("keep", self.keep),
            ("stale_while_revalidate", self.stale_while_revalidate),
            ("stale_if_error", self.stale_if_error),
        ];
        let others = others.into_iter().chain(self.default_ttl.map(|ttl| ("default_ttl", ttl)));
        of_statuses.chain(others.map(|(name, ttl)| (vec![name.to_owned()], ttl))).collect()
    }

    /// Says what the hooks read and write.
    pub(crate) fn announce(&self, setup: &impl Setup) {
        for (index, template) in self.key.iter().enumerate() {
            template.announce(setup, &["key", &index.to_string()]);
        }
        for (index, name) in self.skip_requests_with.iter().enumerate() {
            setup.reads_header(name, ["skip_requests_with", &index.to_string()]);
        }
        if self.set_cookie != SetCookie::Strip {
            setup.reads_header("set-cookie", ["set_cookie"]);
        }
        if self.set_cookie == SetCookie::Keep {
            setup.writes_header("set-cookie", ["set_cookie"]);
        }
    }

    /// What may be kept.
    pub(crate) fn rules(&self) -> Rules {
        let seconds = |duration: Duration| duration.millis / 1000;
        Rules {
            ttl: self.ttl.iter().map(|(status, ttl)| (status.0, seconds(*ttl))).collect(),
            default_ttl: self.default_ttl.map(seconds),
            guess: seconds(self.guess),
            statuses: self.statuses.as_ref().map(|all| all.iter().map(|status| status.0).collect()),
            while_revalidate: seconds(self.stale_while_revalidate),
            if_error: seconds(self.stale_if_error),
            keep: seconds(self.keep),
        }
    }
}

impl Method {
    /// As requests have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // In a list it is a number, as a key of a table a text.
        #[derive(Deserialize)]
        #[serde(crate = "torana_plugin_sdk::serde", untagged)]
        enum Written<'a> {
            Number(u64),
            Text(Cow<'a, str>),
        }
        let number = match Written::deserialize(deserializer)? {
            Written::Number(number) => Some(number),
            Written::Text(text) => text.parse().ok(),
        };
        let status = number
            .filter(|number| (200..600).contains(number) && ![206, 304, 416].contains(number));
        let status = status.and_then(|number| u16::try_from(number).ok());
        status.map(Self).ok_or_else(|| {
            D::Error::custom("this is no status that can be kept: write one from 200 to 599, but 206, 304 and 416")
        })
    }
}

impl JsonSchema for Status {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 200, "maximum": 599, "pattern": "^[2-5][0-9][0-9]$" })
    }
}
