//! Misbehaves in body hooks, after reading the body, in the way that the settings say or, for one
//! request, the header `x-mode`: `x-mode: panic` is about the request's body, `x-mode:
//! response=panic` about the response's.

use std::hint::black_box;

use torana_plugin_sdk::{
    host::{EditBody, ReadBody},
    prelude::*,
    serde::{
        Deserialize,
        de::{IntoDeserializer, value::Error as ValueError},
    },
};

/// How to misbehave, and when.
#[settings]
#[derive(Default)]
#[serde(default)]
struct Settings {
    /// In `on-request-body`.
    request: Mode,
    /// In `on-response-body`.
    response: Mode,
}

/// A way to misbehave.
#[settings]
#[derive(Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Not at all.
    #[default]
    Fine,
    /// Traps after writing half of a new body.
    Panic,
    /// Runs for ever after writing half of a new body.
    Loop,
    /// Answers with a failure after writing half of a new body.
    Fail,
    /// Writes 1 KiB for ever, whatever the host says.
    Flood,
    /// Replies in the place of the body.
    Respond,
}

struct MisbehavingBody(Settings);

#[plugin]
impl Plugin for MisbehavingBody {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self(settings))
    }

    fn on_request_body(&self, host: &impl Host) -> Outcome {
        let asked = host.request().header("x-mode")?.filter(|mode| !mode.contains('='));
        let mode = asked.map_or(Ok(self.0.request), |mode| Mode::parse(&mode))?;
        mode.misbehave(&host.request_body(), &host.request_body_edit())
    }

    fn on_response_body(&self, host: &impl Host) -> Outcome {
        let asked = host.request().header("x-mode")?;
        let asked = asked.as_deref().and_then(|mode| mode.strip_prefix("response="));
        let mode = asked.map_or(Ok(self.0.response), Mode::parse)?;
        mode.misbehave(&host.response_body(), &host.response_body_edit())
    }
}

impl Mode {
    fn parse(text: &str) -> Result<Self, Failure> {
        let parsed: Result<_, ValueError> = Self::deserialize(text.into_deserializer());
        parsed.map_err(|error| format!("`x-mode`: {error}").into())
    }

    fn misbehave(self, old: &impl ReadBody, new: &impl EditBody) -> Outcome {
        let body = old.bytes()?;
        let half = &body[..body.len() / 2];
        match self {
            Self::Fine => {}
            Self::Panic => {
                new.write(half)?;
                panic!("panicked on purpose, after {} bytes", body.len());
            }
            Self::Loop => {
                new.write(half)?;
                loop {
                    black_box(());
                }
            }
            Self::Fail => {
                new.write(half)?;
                return Err(Failure::new("failed on purpose").for_client("It failed."));
            }
            Self::Flood => loop {
                let _ = new.write(&[b'x'; 1024]);
            },
            Self::Respond => return Ok(Reply::text(418, "in the place of the body").into()),
        }
        Ok(Action::Next)
    }
}
