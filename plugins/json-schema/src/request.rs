//! Requests: their parameters, what their head says of the body, and the body.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use torana_plugin_sdk::{
    host::{BodyError, HeaderError, Request},
    prelude::*,
};

use crate::{
    JsonSchema, answer,
    body::{Unfit, explained},
    media_type::is_json,
    parameters::Parameters,
    settings::Mode,
    validate::Mismatch,
};

/// Methods whose body is what they are for.
const WITH_BODY: [&str; 3] = ["POST", "PUT", "PATCH"];

/// Refuses what the head alone tells, before a body is waited for.
pub(crate) fn head(plugin: &JsonSchema, host: &impl Host) -> Outcome {
    let most = usize::from(plugin.settings.errors);
    for (place, unfit) in unfit_parameters(plugin, &host.request()) {
        let what = format!("the parameters of the {place}: {}", explained(&unfit));
        if plugin.refuses(host, &what) {
            return Ok(answer::refused_parameters(&unfit, place, most)?.into());
        }
    }
    if tells_of_none(plugin, &host.request())? {
        return plugin.judge(host, &Unfit::Missing);
    }
    Ok(Action::Next)
}

/// Holds the body against its schema.
pub(crate) fn body(plugin: &JsonSchema, host: &impl Host) -> Outcome {
    match held(plugin, host)? {
        Ok(()) => Ok(Action::Next),
        Err(unfit) => plugin.judge(host, &unfit),
    }
}

fn held(plugin: &JsonSchema, host: &impl Host) -> Result<Result<(), Unfit>, Failure> {
    let (Some(node), body, request) = (plugin.request, host.request_body(), host.request()) else {
        return Ok(Ok(()));
    };
    if plugin.settings.mode == Mode::Observe && tells_of_none(plugin, &request)? {
        // Its head was judged, and counted.
        return Ok(Ok(()));
    }
    if body.length()? == 0 {
        return Ok(if needs_body(plugin, &request) { Err(Unfit::Missing) } else { Ok(()) });
    }
    // Not before: other plugins may change the type with the body, or have changed it since the head was seen.
    if !says_json(&request)? {
        return Ok(Err(Unfit::OtherType));
    }
    match body.text() {
        Ok(text) => Ok(plugin.hold(node, &text)),
        Err(Refused { why: BodyError::NotText, .. }) => Ok(Err(Unfit::NotText)),
        Err(refused) => Err(refused.into()),
    }
}

impl JsonSchema {
    /// Counts and logs a request that does not fit, and says whether that is the end of it.
    fn refuses(&self, host: &impl Host, what: &str) -> bool {
        let refuses = self.settings.mode == Mode::Refuse;
        if refuses {
            host.metrics().count("request-refused", 1);
            host.log().info(format_args!("the request is refused: {what}"));
        } else {
            host.metrics().count("request-observed", 1);
            host.log().warn(format_args!("the request would be refused: {what}"));
        }
        refuses
    }

    fn judge(&self, host: &impl Host, unfit: &Unfit) -> Outcome {
        if !self.refuses(host, &explained(unfit)) {
            return Ok(Action::Next);
        }
        let status = self.settings.request.as_ref().map_or(422, |request| request.status);
        Ok(answer::refusal(unfit, status, usize::from(self.settings.errors))?.into())
    }
}

fn unfit_parameters(plugin: &JsonSchema, request: &impl Request) -> Vec<(&'static str, Unfit)> {
    let mut unfit = Vec::new();
    if let Some(parameters) = &plugin.query {
        let query = request.query().unwrap_or_default();
        unfit.extend(unfit_query(plugin, parameters, &query).map(|why| ("query", why)));
    }
    if let Some(parameters) = &plugin.params {
        let pair = |name| Some((Cow::Borrowed(name), Cow::Owned(request.param(name)?)));
        let pairs = parameters.names().filter_map(pair);
        unfit.extend(unfit_object(plugin, parameters, pairs).map(|why| ("path", why)));
    }
    unfit
}

fn unfit_query(plugin: &JsonSchema, parameters: &Parameters, query: &str) -> Option<Unfit> {
    // The host refuses paths that are no text. Of a query, each service would make something else.
    if percent_decode_str(query).decode_utf8().is_err() {
        return Some(Unfit::NotText);
    }
    unfit_object(plugin, parameters, form_urlencoded::parse(query.as_bytes()))
}

fn unfit_object<'t>(
    plugin: &JsonSchema,
    parameters: &Parameters,
    pairs: impl Iterator<Item = (Cow<'t, str>, Cow<'t, str>)>,
) -> Option<Unfit> {
    match parameters.object(pairs) {
        Ok(object) => plugin.hold_value(parameters.node, &object).err(),
        Err(name) => Some(Unfit::Mismatch(vec![Mismatch::repeated(&name)])),
    }
}

/// Whether a body is needed and the head says that none comes.
fn tells_of_none(plugin: &JsonSchema, request: &impl Request) -> Result<bool, Failure> {
    if !needs_body(plugin, request) {
        return Ok(false);
    }
    Ok(match values(request, "content-length")?.as_slice() {
        [length] => !length.is_empty() && length.bytes().all(|digit| digit == b'0'),
        [_, ..] => false,
        // In chunks, or over HTTP/2, one may come that the head does not tell of. It would have a type.
        [] => values(request, "content-type")?.is_empty(),
    })
}

fn needs_body(plugin: &JsonSchema, request: &impl Request) -> bool {
    let required = plugin.settings.request.as_ref().is_some_and(|request| request.required);
    required && WITH_BODY.contains(&request.method().to_ascii_uppercase().as_str())
}

/// Whether there is one Content-Type, of JSON: of two, a service may take the other.
fn says_json(request: &impl Request) -> Result<bool, Failure> {
    Ok(matches!(values(request, "content-type")?.as_slice(), [one] if is_json(one)))
}

/// The values of a header. One that is no text says nothing that is known here.
fn values(request: &impl Request, name: &str) -> Result<Vec<String>, Failure> {
    match request.header_values(name) {
        Ok(values) => Ok(values),
        Err(Refused { why: HeaderError::NotText, .. }) => Ok(vec![String::new()]),
        Err(refused) => Err(refused.into()),
    }
}
