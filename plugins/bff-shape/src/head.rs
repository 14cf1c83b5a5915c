//! The head of the response: what caches must know.

use torana_plugin_sdk::{http::add_vary, prelude::*};

use crate::{BffShape, media, settings::Errors, view::View};

impl BffShape {
    /// Says on what the choice of the profile depended, and marks the entity tag with the profile.
    pub(crate) fn mend_head(&self, host: &impl Host) -> Outcome {
        let view = self.view_of_response(host)?;
        let is_unchanged = host.response().status() == 304;
        if !(self.shapes(host)? || (is_unchanged && view.more.asks_for_change)) {
            return Ok(Action::Next);
        }
        add_vary(&host.response(), &host.response_edit(), &view.more.vary)?;
        let Some(profile) = self.profiles.get(&view.profile) else { return Ok(Action::Next) };
        // A tag that is no text, or stands there twice, is no tag: it passes.
        if let Ok(Some(tag)) = host.response().header("etag")
            && let Some(marked) = profile.mark.put(&tag)
        {
            host.response_edit().set_header("etag", &marked)?;
        }
        Ok(Action::Next)
    }

    /// What the request is to get. Where its hook did not run to its end (`on_error = "skip"`) it
    /// is decided now, and a refusal is too late: such a request gets the default.
    pub(crate) fn view_of_response(&self, host: &impl Host) -> Result<View, Failure> {
        if let Some(view) = View::kept(host)? {
            return Ok(view);
        }
        let default = || View { profile: self.default.clone(), ..View::default() };
        Ok(self.view(host)?.unwrap_or_else(|_| default()))
    }

    /// Whether a response is one that profiles are for.
    pub(crate) fn shapes(&self, host: &impl Host) -> Result<bool, Failure> {
        Ok(self.is_ours(host) && is_json(host))
    }

    /// Whether profiles are for responses of this status.
    pub(crate) fn is_ours(&self, host: &impl Host) -> bool {
        let status = host.response().status();
        status != 304 && ((200..300).contains(&status) || self.settings.errors == Errors::Shape)
    }
}

pub(crate) fn is_json(host: &impl Host) -> bool {
    // Two types, or one that is no text: nobody can tell what it is.
    let content_type = host.response().header("content-type").ok().flatten();
    content_type.is_some_and(|text| media::is_json(&text))
}

/// Whether the response is a problem (RFC 9457): those pass, whatever the settings say.
pub(crate) fn is_problem(host: &impl Host) -> bool {
    let content_type = host.response().header("content-type").ok().flatten();
    content_type.is_some_and(|text| media::is_problem(&text))
}
