//! Responses: what the service answers, in what the client wants to have.

use torana_plugin_sdk::{host::HeaderError, http::add_vary, prelude::*};

use crate::{
    XmlJson,
    error::Language,
    media::{self, Choice},
    refusal,
    request::{form, noted_version, translate},
    translate::{Message, Translated},
};

/// What the client wants to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Translated(Choice),
    /// Neither language: it gets what there is.
    Untouched,
}

/// An attribute of the plugin's own: the response hooks see Accept as it was rewritten.
const WANTED: &str = "reply";

impl Wanted {
    /// Keeps it for the response.
    pub(crate) fn note(&self, host: &impl Host) -> Result<(), Failure> {
        let text = match self {
            Self::Untouched => String::new(),
            Self::Translated(Choice { language, media_type }) => {
                format!("{language} {}", media_type.as_deref().unwrap_or_default())
            }
        };
        Ok(host.attributes().set(WANTED, text.trim_end())?)
    }

    /// The language that it gets, if it is one of ours.
    pub(crate) fn language(&self) -> Option<Language> {
        match self {
            Self::Translated(choice) => Some(choice.language),
            Self::Untouched => None,
        }
    }

    /// As it was kept.
    pub(crate) fn noted(host: &impl Host) -> Self {
        let text = host.attributes().get(WANTED).unwrap_or_default();
        let (language, media_type) = text.split_once(' ').unwrap_or((&text, ""));
        let language = match language {
            "JSON" => Language::Json,
            "XML" => Language::Xml,
            _ => return Self::Untouched,
        };
        let media_type = (!media_type.is_empty()).then(|| media_type.to_owned());
        Self::Translated(Choice { language, media_type })
    }
}

/// What holds for every response, with a body or without.
pub(crate) fn head(plugin: &XmlJson, host: &impl Host) -> Outcome {
    // Caches must know that Accept counts.
    add_vary(&host.response(), &host.response_edit(), &["accept"])?;
    let due = due(host)?;
    if let Wanted::Translated(choice) = Wanted::noted(host)
        && (due.is_some() || choice.language != plugin.service)
    {
        plugin.tags.put(host, choice.language)?;
    }
    // A HEAD gets the head of its GET (RFC 9110, 9.3.2); there is no body to translate.
    if let Some((choice, _)) = due
        && host.request().method() == "HEAD"
    {
        describe(plugin, host, &choice, &Translated::default())?;
    }
    Ok(Action::Next)
}

/// Translates the body into what the client wants.
pub(crate) fn body(plugin: &XmlJson, host: &impl Host) -> Outcome {
    let Some((choice, content_type)) = due(host)? else { return Ok(Action::Next) };
    if host.response_body().length()? == 0 {
        return Ok(Action::Next);
    }
    let status = host.response().status();
    let message = Message { content_type: &content_type, status: Some(status) };
    let translation = &plugin.translation;
    let version = translation.soap.as_ref().and_then(|soap| soap.version);
    let version = version.unwrap_or_else(|| noted_version(host));
    let most = translation.options.limits.output;
    let (body, edit) = (host.response_body(), host.response_body_edit());
    let result = translate(&body, &edit, most, |bytes, out| match choice.language {
        Language::Json => translation.to_json(bytes, message, out),
        Language::Xml => translation.to_xml(bytes, message, version, out),
    })?;
    match result {
        Ok(translated) => {
            describe(plugin, host, &choice, &translated)?;
            Ok(Action::Next)
        }
        Err(error) => {
            host.log().warn(format_args!("the service's answer is not translated: {error}"));
            let form = form(plugin, host, choice.language);
            if status < 400 {
                return Ok(refusal::of_response(&error, form).into());
            }
            put_in_place(host, &refusal::of_error(&error, status, form))?;
            Ok(Action::Next)
        }
    }
}

/// What of a head is about the body alone, beside what the host sees to.
const ABOUT_THE_BODY: [&str; 5] =
    ["content-language", "content-location", "content-disposition", "etag", "last-modified"];

/// Says what is wrong in the place of an error's body. Its head stays: when to come again, whom to
/// be, how much is left.
fn put_in_place(host: &impl Host, reply: &Reply) -> Result<(), Failure> {
    let (edit, body) = (host.response_edit(), host.response_body_edit());
    // Some of the translation may stand there.
    body.clear()?;
    body.write(reply.body.as_bytes())?;
    edit.set_status(reply.status)?;
    for name in ABOUT_THE_BODY {
        edit.remove_header(name)?;
    }
    let content_type = reply.headers.iter().find(|header| header.name == "content-type");
    if let Some(content_type) = content_type {
        edit.set_header("content-type", &content_type.value)?;
    }
    Ok(())
}

/// What the client wants, and the Content-Type at hand, where that is in the other language.
fn due(host: &impl Host) -> Result<Option<(Choice, String)>, Failure> {
    let Wanted::Translated(choice) = Wanted::noted(host) else { return Ok(None) };
    let content_type = match host.response().header("content-type") {
        Ok(content_type) => content_type.unwrap_or_default(),
        Err(Refused { why: HeaderError::NotText | HeaderError::Repeated, .. }) => return Ok(None),
        Err(refused) => return Err(refused.into()),
    };
    let language = media::language(&content_type);
    let is_due = language.is_some_and(|language| language != choice.language);
    Ok(is_due.then_some((choice, content_type)))
}

/// The head that fits the translated body.
fn describe(
    plugin: &XmlJson,
    host: &impl Host,
    choice: &Choice,
    translated: &Translated,
) -> Result<(), Failure> {
    let edit = host.response_edit();
    if let Some(status) = translated.status {
        edit.set_status(status)?;
    }
    let named = choice.media_type.as_deref();
    let content_type = match (choice.language, &plugin.translation.soap, translated.media_type) {
        (Language::Json, _, special) => special.or(named).unwrap_or("application/json").to_owned(),
        (Language::Xml, Some(soap), _) => {
            let version = soap.version.unwrap_or_else(|| noted_version(host));
            format!("{}; charset=utf-8", version.media_type())
        }
        (Language::Xml, None, special) => {
            let media_type = special.or(named).unwrap_or("application/xml");
            format!("{media_type}; charset=utf-8")
        }
    };
    Ok(edit.set_header("content-type", &content_type)?)
}
