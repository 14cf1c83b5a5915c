//! A handler that fetches as its settings say, and replies with what came back, in the order in
//! which it came. A request header `x-how` has its way over the setting `how`.

use serde_json::{Value, json};
use torana_plugin_sdk::{
    host::{FetchError, Incoming, Outgoing},
    prelude::*,
};

/// What to fetch.
#[settings]
struct Settings {
    /// The calls.
    calls: Vec<Call>,
    /// In which way.
    #[serde(default)]
    how: How,
}

/// One call.
#[settings]
struct Call {
    to: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default = "slash")]
    path: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// `{ secret = "NAME" }`, sent as a bearer token.
    bearer: Option<SecretName>,
    body: Option<String>,
    timeout_ms: Option<u32>,
    #[serde(default)]
    text: bool,
}

fn get() -> String {
    "GET".into()
}

fn slash() -> String {
    "/".into()
}

/// The ways to fetch.
#[settings]
#[derive(Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
enum How {
    /// One after the other.
    #[default]
    Send,
    /// All at once.
    SendAll,
    /// All at once, each as it arrives.
    Start,
}

struct Fetcher(Settings);

#[plugin]
impl Plugin for Fetcher {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self(settings))
    }

    fn handle(&self, host: &impl Host) -> Result<Reply, Failure> {
        let calls: Vec<_> = self.0.calls.iter().map(Call::outgoing).collect();
        let how = match host.request().header("x-how")?.as_deref() {
            Some("send") => How::Send,
            Some("send-all") => How::SendAll,
            Some("start") => How::Start,
            _ => self.0.how,
        };
        let fetched = match how {
            How::Send => calls.iter().map(|call| host.fetch().send(call)).enumerate().collect(),
            How::SendAll => host.fetch().send_all(&calls).into_iter().enumerate().collect(),
            How::Start => start(host, &calls),
        };
        let fetched: Vec<_> = fetched.into_iter().map(|(index, came)| shown(index, came)).collect();
        Reply::json(200, &fetched)
    }
}

type Came = Result<Incoming, Refused<FetchError>>;

fn start(host: &impl Host, calls: &[Outgoing]) -> Vec<(usize, Came)> {
    let numbers: Vec<_> = calls.iter().map(|call| host.fetch().start(call)).collect();
    let arrivals = std::iter::from_fn(|| host.fetch().wait_any());
    let index = |number| numbers.iter().position(|&known| known == number);
    arrivals.map(|(number, came)| (index(number).expect("it was started"), came)).collect()
}

fn shown(index: usize, came: Came) -> Value {
    match came {
        Ok(reply) => {
            let headers: Vec<_> = reply.headers.iter().map(|h| (&h.name, &h.value)).collect();
            let body = String::from_utf8_lossy(reply.body.as_bytes());
            let kind = match reply.body {
                Content::Empty => "empty",
                Content::Text(_) => "text",
                Content::Bytes(_) => "bytes",
            };
            let status = reply.status;
            json!({ "call": index, "status": status, "headers": headers, "body": body, "is": kind })
        }
        Err(refused) => json!({
            "call": index,
            "error": format!("{:?}", refused.why),
            "text": refused.to_string(),
        }),
    }
}

impl Call {
    fn outgoing(&self) -> Outgoing {
        let mut call = Outgoing::new(&self.method, &self.to, &self.path);
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        if let Some(bearer) = &self.bearer {
            call = call.secret_header("authorization", "Bearer ", &bearer.secret);
        }
        if let Some(body) = &self.body {
            call.body = body.as_str().into();
        }
        Outgoing { timeout_ms: self.timeout_ms, text: self.text, ..call }
    }
}
