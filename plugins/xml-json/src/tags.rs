//! Entity tags that tell one language from the other.
//!
//! What goes to clients who want the other language than the service's is marked, whatever it is: so
//! a tag without a mark is no document of theirs, and there is no 304 for it.

use torana_plugin_sdk::{
    host::Request,
    http::{AskedTags, TagMark},
    prelude::*,
};

use crate::{error::Language, request::values, translate::Translation};

/// The marks of translated documents.
pub(crate) struct Tags {
    json: TagMark,
    xml: TagMark,
}

impl Tags {
    /// Marks that change with all that a translation depends on.
    pub(crate) fn of(translation: &Translation) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let mark = |language| TagMark::of(&format!("{version} {language} {translation:?}"));
        Self { json: mark(Language::Json), xml: mark(Language::Xml) }
    }

    /// Asks the service about its own tags. `translated` is the language that the client wants, if the
    /// service speaks the other one.
    pub(crate) fn ask(
        &self,
        host: &impl Host,
        translated: Option<Language>,
    ) -> Result<(), Failure> {
        let request = host.request();
        // Who writes does not ask for a document, but whether it is still the one that was read: in
        // whatever language.
        self.unmark(host, &request, "if-match")?;
        if !["GET", "HEAD"].contains(&request.method().as_str()) {
            return self.unmark(host, &request, "if-none-match");
        }
        let Some(language) = translated else { return Ok(()) };
        let lines = values(&request, "if-none-match")?;
        let Some(asked) = self.mark(language).take_marked(&lines.join(", ")) else { return Ok(()) };
        let AskedTags { tags, .. } = asked;
        let edit = host.request_edit();
        if tags.is_empty() {
            edit.remove_header("if-none-match")?;
            // Without tags the date would decide, which is the same for both languages.
            edit.remove_header("if-modified-since")?;
        } else {
            edit.set_header("if-none-match", &tags)?;
        }
        Ok(())
    }

    fn unmark(&self, host: &impl Host, request: &impl Request, name: &str) -> Result<(), Failure> {
        let mut tags = values(request, name)?.join(", ");
        let mut is_changed = false;
        for mark in [&self.json, &self.xml] {
            if let Some(unmarked) = mark.unmark(&tags) {
                (tags, is_changed) = (unmarked, true);
            }
        }
        if is_changed {
            host.request_edit().set_header(name, &tags)?;
        }
        Ok(())
    }

    /// Marks the tag of a response.
    pub(crate) fn put(&self, host: &impl Host, language: Language) -> Result<(), Failure> {
        // A tag that is no text, or stands there twice, is no tag: it passes.
        if let Ok(Some(tag)) = host.response().header("etag")
            && let Some(marked) = self.mark(language).put(&tag)
        {
            host.response_edit().set_header("etag", &marked)?;
        }
        Ok(())
    }

    fn mark(&self, language: Language) -> &TagMark {
        match language {
            Language::Json => &self.json,
            Language::Xml => &self.xml,
        }
    }
}
