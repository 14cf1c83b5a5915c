//! Responses: what the service promises its clients.

use torana_plugin_sdk::{
    host::{BodyError, HeaderError, Response},
    prelude::*,
};

use crate::{
    JsonSchema,
    body::{Unfit, explained},
    media_type::is_json,
    schema::NodeId,
    settings::Mode,
};

/// Holds the body against its schema. Errors have other shapes.
pub(crate) fn body(plugin: &JsonSchema, host: &impl Host) -> Outcome {
    let Some(node) = plugin.response.filter(|_| has_document(host.response().status())) else {
        return Ok(Action::Next);
    };
    match held(plugin, node, host)? {
        Ok(()) => Ok(Action::Next),
        Err(unfit) => Ok(judge(plugin, host, &unfit)),
    }
}

/// Successes, but for those without a body (204, 205), and 206: a part is no document.
fn has_document(status: u16) -> bool {
    matches!(status, 200..=203 | 207..=299)
}

fn held(plugin: &JsonSchema, node: NodeId, host: &impl Host) -> Result<Result<(), Unfit>, Failure> {
    let body = host.response_body();
    if body.length()? == 0 {
        return Ok(if needs_body(plugin, host) { Err(Unfit::Missing) } else { Ok(()) });
    }
    let content_types = match host.response().header_values("content-type") {
        Ok(values) => values,
        Err(Refused { why: HeaderError::NotText, .. }) => Vec::new(),
        Err(refused) => return Err(refused.into()),
    };
    if !matches!(content_types.as_slice(), [one] if is_json(one)) {
        return Ok(Err(Unfit::OtherType));
    }
    match body.text() {
        Ok(text) => Ok(plugin.hold(node, &text)),
        Err(Refused { why: BodyError::NotText, .. }) => Ok(Err(Unfit::NotText)),
        Err(refused) => Err(refused.into()),
    }
}

/// Whether an answer without a body breaks a promise. Those to HEAD have none ever.
fn needs_body(plugin: &JsonSchema, host: &impl Host) -> bool {
    let is_required = plugin.settings.response.as_ref().is_some_and(|response| response.required);
    is_required && host.request().method() != "HEAD"
}

/// The client is told nothing of what is wrong: it is not the client's to mend.
fn judge(plugin: &JsonSchema, host: &impl Host, unfit: &Unfit) -> Action {
    let mode = plugin.settings.response.as_ref().map_or(Mode::Refuse, |response| response.mode);
    let why = explained(unfit);
    if mode == Mode::Observe {
        host.metrics().count("response-observed", 1);
        host.log().warn(format_args!("the response would be refused: {why}"));
        return Action::Next;
    }
    host.metrics().count("response-refused", 1);
    host.log().warn(format_args!("the response is refused: {why}"));
    let detail = "The response of the service is not as it should be.";
    Reply::problem(502, "invalid-response", detail).into()
}
