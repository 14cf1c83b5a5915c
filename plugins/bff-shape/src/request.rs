//! The request: which profile, which fields, which pages.

use std::collections::BTreeMap;

use torana_plugin_sdk::{host::ReadHeaders, http::TagMark, prelude::*};

use crate::{
    BffShape,
    choose::choose,
    fields::{Allowed, Refusal},
    profile::Profile,
    settings::{FieldsSettings, Unknown, UnknownField},
    view::{More, View},
    window::{Window, WrongNumber},
};

/// What clients may select.
pub(crate) fn allowed(settings: Option<&FieldsSettings>) -> Allowed {
    settings.map_or_else(Allowed::default, |settings| Allowed {
        fields: settings.allow.clone(),
        ignores_unknown: settings.unknown == UnknownField::Ignore,
    })
}

impl BffShape {
    /// Decides what the request gets, and refuses what nobody can get before the upstream is asked.
    pub(crate) fn ask(&self, host: &impl Host) -> Outcome {
        let mut view = match self.view(host)? {
            Ok(view) => view,
            Err(refusal) => return Ok(refusal.into()),
        };
        let Some(profile) = self.profiles.get(&view.profile) else { return Ok(Action::Next) };
        view.more.asks_for_change = ask_for_change(host, &profile.mark)?;
        view.keep(host)?;
        Ok(Action::Next)
    }

    /// What a request is to get, or why it gets nothing.
    pub(crate) fn view(&self, host: &impl Host) -> Result<Result<View, Reply>, Failure> {
        let choice = choose(&self.settings.sources, host, |name| self.profiles.contains_key(name))?;
        if choice.is_unknown && self.settings.unknown == Unknown::Refuse {
            return Ok(Err(Reply::problem(
                400,
                "unknown-profile",
                "The profile that the request asks for does not exist.",
            )));
        }
        let profile = choice.profile.unwrap_or_else(|| self.default.clone());
        let (fields, pages) = match self.parameters(&profile, host) {
            Ok(parameters) => parameters,
            Err(reply) => return Ok(Err(reply)),
        };
        let more = More { vary: choice.vary, fields, pages, asks_for_change: false };
        Ok(Ok(View { profile, more }))
    }

    /// The query parameters that this profile knows.
    fn parameters(
        &self,
        profile: &str,
        host: &impl Host,
    ) -> Result<(Vec<String>, BTreeMap<String, String>), Reply> {
        let request = host.request();
        let fields = match &self.settings.fields {
            Some(fields) => request.query_values(&fields.parameter),
            None => Vec::new(),
        };
        self.allowed.select(&fields).map_err(refused_fields)?;
        let mut pages = BTreeMap::new();
        let Some(profile) = self.profiles.get(profile) else { return Ok((fields, pages)) };
        for name in profile.parameters() {
            let mut values = request.query_values(name).into_iter();
            match (values.next(), values.next()) {
                (Some(value), None) => drop(pages.insert(name.to_owned(), value)),
                (None, _) => {}
                (Some(_), Some(_)) => {
                    let detail = format!("The parameter `{name}` stands there more than once.");
                    return Err(Reply::problem(400, "wrong-page", &detail));
                }
            }
        }
        profile.windows(&pages).map_err(|wrong| {
            let WrongNumber { parameter, least } = wrong;
            let detail = format!("The parameter `{parameter}` must be a number from {least} on.");
            Reply::problem(400, "wrong-page", &detail)
        })?;
        Ok((fields, pages))
    }
}

fn refused_fields(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Wrong(why) => {
            let detail = format!("The selection of fields is not understood: {why}.");
            Reply::problem(400, "wrong-fields", &detail)
        }
        Refusal::Unknown(field) => {
            let detail = format!("There is no field `{field}` to select.");
            Reply::problem(400, "unknown-field", &detail)
        }
    }
}

impl Profile {
    fn parameters(&self) -> impl Iterator<Item = &str> {
        let limits = self.plan.iter().flat_map(|plan| plan.limits());
        limits.flat_map(|limit| limit.parameters())
    }

    /// The windows of its limits, given what the client says.
    pub(crate) fn windows(
        &self,
        pages: &BTreeMap<String, String>,
    ) -> Result<Vec<Window>, WrongNumber> {
        let value = |name: &str| pages.get(name).map(String::as_str);
        let limits = self.plan.iter().flat_map(|plan| plan.limits());
        limits.map(|limit| limit.window(value)).collect()
    }
}

/// Asks the upstream about its own tags, and says whether any of them had this profile's mark.
fn ask_for_change(host: &impl Host, mark: &TagMark) -> Result<bool, Failure> {
    // What is no text is no tag either: it is the upstream's to judge.
    let Ok(lines) = host.request().header_values("if-none-match") else { return Ok(false) };
    let Some(asked) = mark.take(&lines.join(", ")) else { return Ok(false) };
    let edit = host.request_edit();
    if asked.tags.is_empty() {
        edit.remove_header("if-none-match")?;
        // Without tags the date would decide, which is the same for all profiles.
        edit.remove_header("if-modified-since")?;
    } else {
        edit.set_header("if-none-match", &asked.tags)?;
    }
    Ok(asked.was_marked)
}
