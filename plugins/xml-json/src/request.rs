//! Requests: what the client sends, and what it wants to have.

use torana_plugin_sdk::{
    host::{BodyError, EditBody, HeaderError, ReadBody, Request},
    prelude::*,
};

use crate::{
    XmlJson,
    error::{Error, Language},
    media::{self, Accept, Choice},
    output::Output,
    refusal::{self, Form},
    response::Wanted,
    soap::Version,
    translate::{Message, Translated},
};

/// Settles what the reply is to be, before the body is looked at.
pub(crate) fn head(plugin: &XmlJson, host: &impl Host) -> Outcome {
    let request = host.request();
    let content_type = content_type(&request)?;
    let spoken = content_type.as_deref().and_then(media::language).unwrap_or(plugin.service);
    let lines = values(&request, "accept")?;
    let accept = Accept::parse(lines.iter().map(String::as_str));
    let of_problems = accept.of_problems(preferred(spoken));
    if has_body(&request)?
        && let Some(refusal) = refused(plugin, content_type.as_deref(), of_problems)
    {
        return Ok(refusal.into());
    }
    let wanted = match accept.choose(preferred(spoken)) {
        Some(choice) => {
            rewrite_accept(plugin, host, &choice)?;
            Wanted::Translated(choice)
        }
        None if plugin.passes_others => Wanted::Untouched,
        None => return Ok(refusal::not_acceptable(of_problems).into()),
    };
    wanted.note(host)?;
    plugin.tags.ask(host, wanted.language().filter(|&language| language != plugin.service))?;
    if let Some(version) = content_type.as_deref().and_then(Version::of_media_type) {
        note_version(host, version)?;
    }
    if values(&request, "content-length")? == ["0"]
        && let Some(refusal) = nothing(plugin, host, content_type.as_deref(), wanted.language())
    {
        return Ok(refusal.into());
    }
    Ok(Action::Next)
}

/// Translates the body into what the service speaks.
pub(crate) fn body(plugin: &XmlJson, host: &impl Host) -> Outcome {
    let content_type = content_type(&host.request())?;
    let wanted = Wanted::noted(host).language();
    if host.request_body().length()? == 0 {
        let refusal = nothing(plugin, host, content_type.as_deref(), wanted);
        return Ok(refusal.map_or(Action::Next, Action::from));
    }
    let of_problems = wanted.unwrap_or(plugin.service);
    if let Some(refusal) = refused(plugin, content_type.as_deref(), of_problems) {
        return Ok(refusal.into());
    }
    let content_type = content_type.unwrap_or_default();
    let language = media::language(&content_type);
    let Some(spoken) = language.filter(|&language| language != plugin.service) else {
        return Ok(Action::Next);
    };
    let most = plugin.translation.options.limits.output;
    let (body, edit) = (host.request_body(), host.request_body_edit());
    let result =
        translate(&body, &edit, most, |bytes, out| for_service(plugin, bytes, &content_type, out))?;
    match result {
        Ok(translated) => describe(plugin, host, &translated, version_for_service(plugin)),
        Err(error) => Ok(untranslated(plugin, host, &error, wanted.unwrap_or(spoken)).into()),
    }
}

/// From what the client speaks to what the service does.
fn for_service(
    plugin: &XmlJson,
    bytes: Vec<u8>,
    content_type: &str,
    out: &mut Output<'_>,
) -> Result<Translated, Error> {
    let message = Message { content_type, status: None };
    match plugin.service {
        Language::Json => plugin.translation.to_json(bytes, message, out),
        Language::Xml => {
            plugin.translation.to_xml(bytes, message, version_for_service(plugin), out)
        }
    }
}

fn version_for_service(plugin: &XmlJson) -> Version {
    let soap = plugin.translation.soap.as_ref();
    soap.and_then(|soap| soap.version).unwrap_or(Version::V11)
}

/// What is said to a body of no bytes where a document is announced, if that is to be refused: what
/// reading it says. Where a body means nothing (RFC 9110, 9.3), none is missing.
fn nothing(
    plugin: &XmlJson,
    host: &impl Host,
    content_type: Option<&str>,
    wanted: Option<Language>,
) -> Option<Reply> {
    let content_type = content_type.filter(|_| plugin.refuses_empty)?;
    let spoken = media::language(content_type).filter(|&language| language != plugin.service)?;
    if ["GET", "HEAD", "DELETE", "OPTIONS"].contains(&host.request().method().as_str()) {
        return None;
    }
    let mut out = |_: &str| {};
    let read = for_service(plugin, Vec::new(), content_type, &mut Output::new(0, &mut out));
    Some(untranslated(plugin, host, &read.err()?, wanted.unwrap_or(spoken)))
}

fn untranslated(plugin: &XmlJson, host: &impl Host, error: &Error, language: Language) -> Reply {
    host.log().info(format_args!("the request is not translated: {error}"));
    refusal::of_request(error, form(plugin, host, language))
}

/// The head that fits the translated body.
fn describe(
    plugin: &XmlJson,
    host: &impl Host,
    translated: &Translated,
    version: Version,
) -> Outcome {
    let edit = host.request_edit();
    if let Some(version) = translated.version {
        note_version(host, version)?;
    }
    let media_type = translated.media_type;
    match (plugin.service, &plugin.translation.soap) {
        (Language::Json, _) => {
            edit.set_header("content-type", media_type.unwrap_or("application/json"))?;
            edit.remove_header("soapaction")?;
        }
        (Language::Xml, None) => {
            let media_type = media_type.unwrap_or("application/xml");
            edit.set_header("content-type", &format!("{media_type}; charset=utf-8"))?;
        }
        (Language::Xml, Some(soap)) => {
            let mut content_type = format!("{}; charset=utf-8", version.media_type());
            if version == Version::V11 {
                edit.set_header("soapaction", &format!("\"{}\"", soap.action))?;
            } else if !soap.action.is_empty() {
                content_type.push_str(&format!("; action=\"{}\"", soap.action));
            }
            edit.set_header("content-type", &content_type)?;
        }
    }
    Ok(Action::Next)
}

/// Reads, translates and writes a body. The outer error is the host's.
pub(crate) fn translate(
    body: &impl ReadBody,
    edit: &impl EditBody,
    most: usize,
    translate: impl FnOnce(Vec<u8>, &mut Output<'_>) -> Result<Translated, Error>,
) -> Result<Result<Translated, Error>, Failure> {
    let bytes = body.bytes()?;
    let mut refused = None;
    let mut sink = |piece: &str| {
        if refused.is_none() {
            refused = edit.write_text(piece).err();
        }
    };
    let mut out = Output::new(most, &mut sink);
    let result = translate(bytes, &mut out).and_then(|done| out.finish().map(|()| done));
    match refused {
        None => Ok(result),
        Some(Refused { why: BodyError::TooLarge, .. }) => Ok(Err(Error::TooLarge)),
        Some(refused) => Err(refused.into()),
    }
}

/// What is said to a body that is in no language that is spoken here.
fn refused(plugin: &XmlJson, content_type: Option<&str>, of_problems: Language) -> Option<Reply> {
    let detail = match content_type {
        _ if plugin.passes_others => return None,
        None => "The body needs one Content-Type.",
        Some(content_type) if media::language(content_type).is_none() => {
            "The body must be JSON or XML, and its Content-Type say so."
        }
        Some(_) => return None,
    };
    Some(refusal::media_type(detail, of_problems))
}

/// How a client that wants to have this language is refused.
pub(crate) fn form(plugin: &XmlJson, host: &impl Host, language: Language) -> Form {
    match &plugin.translation.soap {
        Some(soap) if language == Language::Xml => {
            Form::Fault(soap.version.unwrap_or_else(|| noted_version(host)))
        }
        _ => Form::Problem(language),
    }
}

/// The reply in the language of the request, then in that of the service.
fn preferred(spoken: Language) -> [Language; 2] {
    match spoken {
        Language::Json => [Language::Json, Language::Xml],
        Language::Xml => [Language::Xml, Language::Json],
    }
}

/// The service is asked for what it speaks. A client that likes just that best, by name, may know
/// more of it than we do.
fn rewrite_accept(plugin: &XmlJson, host: &impl Host, choice: &Choice) -> Result<(), Failure> {
    if choice.language == plugin.service && choice.media_type.is_some() {
        return Ok(());
    }
    let accept = match (plugin.service, &plugin.translation.soap) {
        (Language::Json, _) => "application/json, application/problem+json",
        (Language::Xml, None) => "application/xml, text/xml;q=0.9, application/problem+xml;q=0.9",
        (Language::Xml, Some(soap)) => match soap.version {
            Some(version) => version.media_type(),
            None => "text/xml, application/soap+xml",
        },
    };
    Ok(host.request_edit().set_header("accept", accept)?)
}

/// The one Content-Type; none if there is none, or none that can be trusted.
fn content_type(request: &impl Request) -> Result<Option<String>, Failure> {
    let mut values = values(request, "content-type")?;
    Ok(if values.len() == 1 { values.pop() } else { None })
}

/// Whether the head announces a body. (HTTP/2 need not: the body is looked at again.)
fn has_body(request: &impl Request) -> Result<bool, Failure> {
    let lengths = values(request, "content-length")?;
    Ok(lengths.iter().any(|length| length != "0")
        || !values(request, "transfer-encoding")?.is_empty())
}

/// The values of a header. Values that are no text are none that anybody here knows.
pub(crate) fn values(request: &impl Request, name: &str) -> Result<Vec<String>, Failure> {
    match request.header_values(name) {
        Ok(values) => Ok(values),
        Err(Refused { why: HeaderError::NotText, .. }) => Ok(Vec::new()),
        Err(refused) => Err(refused.into()),
    }
}

const VERSION: &str = "soap";

fn note_version(host: &impl Host, version: Version) -> Result<(), Failure> {
    Ok(host.attributes().set(VERSION, version.number())?)
}

/// The version of SOAP that the client speaks.
pub(crate) fn noted_version(host: &impl Host) -> Version {
    let number = host.attributes().get(VERSION);
    number.and_then(|number| Version::of_number(&number)).unwrap_or(Version::V11)
}
