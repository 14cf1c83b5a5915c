//! Refuses requests that lack headers or query parameters, or whose values are not allowed.

mod allowed;
mod required;
mod settings;

use std::cell::OnceCell;

use allowed::{Allowed, Verdict};
use settings::Settings;
use torana_plugin_sdk::{
    host::{HeaderError, Request},
    http,
    prelude::*,
};

struct Require(Settings);

#[plugin(schema = "schema.json")]
impl Plugin for Require {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        for name in self.0.headers.0.keys() {
            setup.reads_header(name, ["headers", name]);
        }
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let request = host.request();
        let twins = Twins::new(&request);
        for (name, allowed) in &self.0.headers.0 {
            let verdict = match judge_header(&request, name, allowed)? {
                Verdict::Allowed => twins.judge(name, allowed)?,
                verdict => verdict,
            };
            if let Some(reply) = self.judge("header", name, verdict) {
                return Ok(reply.into());
            }
        }
        for (name, allowed) in &self.0.query.0 {
            let values = request.query_values(name);
            if let Some(reply) = self.judge("parameter", name, allowed.judge(&values)) {
                return Ok(reply.into());
            }
        }
        Ok(Action::Next)
    }
}

impl Require {
    fn judge(&self, what: &str, name: &str, verdict: Verdict) -> Option<Reply> {
        // What would be allowed is not said: it may be worth guessing.
        let (kind, text) = match verdict {
            Verdict::Allowed => return None,
            Verdict::Missing => ("missing", "is missing"),
            Verdict::Wrong => ("wrong", "has a value that is not accepted"),
        };
        let detail = format!("The {what} `{name}` {text}.");
        Some(Reply::problem(self.0.status, &format!("{kind}-{what}"), &detail))
    }
}

fn judge_header(request: &impl Request, name: &str, allowed: &Allowed) -> Result<Verdict, Failure> {
    match request.header_values(name) {
        // It is the client's doing: as a failure, it could be skipped.
        Err(Refused { why: HeaderError::NotText, .. }) => Ok(Verdict::Wrong),
        values => Ok(allowed.judge(&values?)),
    }
}

/// Headers that a service may take for one that is judged: who sends `x_tenant` must not get it past us beside a good
/// `x-tenant`.
struct Twins<'a, R> {
    request: &'a R,
    /// Looked up once, if anything asks for them.
    names: OnceCell<Vec<String>>,
}

impl<'a, R: Request> Twins<'a, R> {
    fn new(request: &'a R) -> Self {
        Self { request, names: OnceCell::new() }
    }

    /// What is to be said about all twins of a header.
    fn judge(&self, name: &str, allowed: &Allowed) -> Result<Verdict, Failure> {
        if allowed.is_any() || !name.contains(['-', '_']) {
            return Ok(Verdict::Allowed);
        }
        let names = self.names.get_or_init(|| self.request.header_names());
        for twin in names.iter().filter(|other| http::are_twins(other, name)) {
            if judge_header(self.request, twin, allowed)? != Verdict::Allowed {
                return Ok(Verdict::Wrong);
            }
        }
        Ok(Verdict::Allowed)
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::{fake::FakeHost, settings};

    use super::*;

    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<Require>("cases");
    }

    /// A failure would be another plugin's to skip.
    #[test]
    fn what_is_no_text_is_a_wrong_value() {
        let json = r#"{ "headers": { "x-tenant": ["acme", "*"] } }"#;
        let plugin = Require::new(settings::parse(json).unwrap()).unwrap();
        let host = FakeHost::get("/").with_header_bytes("x-tenant", b"acme\xff");
        let Ok(Action::Respond(reply)) = plugin.on_request_head(&host) else { panic!() };
        assert_eq!(reply.status, 400);
        let body = String::from_utf8_lossy(reply.body.as_bytes()).into_owned();
        assert!(body.contains("urn:torana:problem:wrong-header"), "{body}");
    }
}
