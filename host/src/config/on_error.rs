//! `on_error` of a plugin.

use super::{
    fault::{Fault, nearest},
    grants::widened,
    keys::{Kind, Shape, key},
    table::Table,
    value::Value,
};

/// What happens when a hook fails: an error, a trap, or a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OnError {
    /// In the request phase, handler included.
    pub request: OnErrorAction,
    /// In the response phase.
    pub response: OnErrorAction,
}

impl Default for OnError {
    fn default() -> Self {
        Self { request: OnErrorAction::Deny(500), response: OnErrorAction::Deny(500) }
    }
}

/// `"deny"`, `"skip"`, or a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnErrorAction {
    /// Answer with this status (500 for `"deny"`).
    Deny(u16),
    /// Go on as if the plugin were not there.
    Skip,
}

impl OnErrorAction {
    /// Denying where there is nothing to skip to.
    pub fn or_deny(self) -> Self {
        match self {
            Self::Skip => Self::Deny(500),
            deny => deny,
        }
    }
}

const ACTION: Kind = Kind::OneOf(&[Kind::Choice(&["deny", "skip"]), Kind::Integer(400, 599)]);

/// What may stand for `on_error`.
pub(super) const ON_ERROR: Kind = Kind::OneOf(&[
    Kind::Choice(&["deny", "skip"]),
    Kind::Integer(400, 599),
    Kind::Table(&ON_ERROR_PHASES),
]);

static ON_ERROR_PHASES: Shape = Shape {
    id: "on_error",
    place: "`on_error`",
    about: "What happens when a hook fails, phase by phase.",
    keys: &[
        key("request", ACTION, "In the request phase: \"deny\", \"skip\" or a status.").or("deny"),
        key("response", ACTION, "In the response phase: \"deny\", \"skip\" or a status.")
            .or("deny"),
    ],
};

/// Reads `on_error` onto what holds where a phase is left out.
pub(super) fn read(value: &Value<'_>, base: OnError) -> OnError {
    if !value.is_table() {
        let both = action(value);
        return OnError { request: both, response: both };
    }
    let Some(table) = value.table() else { return base };
    let phase = |key, base| table.get(key).map_or(base, |value| action(&value));
    OnError { request: phase("request", base.request), response: phase("response", base.response) }
}

/// Reads the `on_error` of a chain entry, which may only be stricter than `[plugins.NAME]`.
pub(super) fn narrow(base: OnError, entry: &Table<'_>, plugin: &str) -> OnError {
    let Some(value) = entry.get("on_error") else { return base };
    let wanted = read(&value, base);
    let fails_open = |wanted, base| wanted == OnErrorAction::Skip && base != OnErrorAction::Skip;
    if fails_open(wanted.request, base.request) || fails_open(wanted.response, base.response) {
        let why = format!("[plugins.{plugin}] denies where it would skip");
        entry.cx.report(widened(value.span, "on_error", plugin, &why));
    }
    wanted
}

fn action(value: &Value<'_>) -> OnErrorAction {
    if value.is_integer() {
        return OnErrorAction::Deny(value.integer() as u16);
    }
    value.parse(parse).unwrap_or(OnErrorAction::Deny(500))
}

fn parse(text: &str) -> Result<OnErrorAction, Fault> {
    match text {
        "deny" => Ok(OnErrorAction::Deny(500)),
        "skip" => Ok(OnErrorAction::Skip),
        text => match text.parse() {
            // Written without quotes in the file, but the environment has only strings.
            Ok(status @ 400..=599) => Ok(OnErrorAction::Deny(status)),
            _ => {
                let fault = Fault::new("is not something to do about an error");
                Err(match nearest(text, ["deny", "skip"]) {
                    Some(near) => fault.help(format!("did you mean \"{near}\"?")),
                    None => fault.help("write \"deny\", \"skip\" or a status from 400 to 599"),
                })
            }
        },
    }
}
