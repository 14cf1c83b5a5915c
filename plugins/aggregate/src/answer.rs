//! From a service's answer to a part's result.

use torana_plugin_sdk::{
    host::{FetchError, Incoming},
    prelude::*,
};

use crate::{
    fault::Fault,
    json::{self, NotJson},
    pass::Refusal,
    settings::{Format, Part},
};

/// The result that an answer has for a part, as JSON. At most `cap` bytes are taken.
pub(crate) fn judge(
    part: &Part,
    answer: Result<Incoming, Refused<FetchError>>,
    cap: usize,
) -> Result<String, Fault> {
    let answer = answer.map_err(|refused| refused.why)?;
    if !(200..300).contains(&answer.status) {
        return Err(Fault::Refused(Refusal::of(&answer)));
    }
    if answer.body.as_bytes().len() > cap {
        return Err(Fault::TooLarge);
    }
    let text = match answer.body {
        Content::Text(text) => text,
        Content::Empty => String::new(),
        Content::Bytes(bytes) => String::from_utf8(bytes).map_err(|_| Fault::NotText)?,
    };
    match part.format {
        Format::Text => Ok(json::quoted(&text)),
        // No content is what the service promised (RFC 9110, 15.3.5 and 15.3.6).
        Format::Json if matches!(answer.status, 204 | 205) => Ok("null".to_owned()),
        Format::Json => picked(part, text),
    }
}

fn picked(part: &Part, text: String) -> Result<String, Fault> {
    let value = json::value(&text).map_err(Fault::from)?;
    let Some(keys) = &part.pick else {
        // Mostly there is no space around it.
        let is_all = value.len() == text.len();
        return Ok(if is_all { text } else { value.to_owned() });
    };
    let found = json::select(value, &keys.0);
    found.map(Into::into).ok_or_else(|| Fault::NothingThere(keys.0.join(".")))
}

impl From<NotJson> for Fault {
    fn from(why: NotJson) -> Self {
        match why {
            NotJson::Syntax(why) => Self::NotJson(why),
            NotJson::TooDeep => Self::TooDeep,
        }
    }
}

impl From<FetchError> for Fault {
    fn from(why: FetchError) -> Self {
        match why {
            FetchError::Timeout => Self::Timeout,
            FetchError::Unreachable(why) => Self::Unreachable(why),
            FetchError::Protocol(why) => Self::Protocol(why),
            FetchError::Denied(why) | FetchError::Invalid(why) => Self::NotSent(why),
            FetchError::TooLarge => Self::TooLarge,
            FetchError::NotText => Self::NotText,
        }
    }
}
