//! What clients are told when a document is not translated.

use torana_plugin_sdk::prelude::*;

use crate::{
    error::{Error, Language},
    output::collect,
    problem,
    soap::{self, Code, Version},
    xml::chars,
};

/// How a client is told what is wrong: like all else, in the language that it wants to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Problem(Language),
    Fault(Version),
}

/// The reply to a request whose body is not translated.
pub(crate) fn of_request(error: &Error, form: Form) -> Reply {
    let (status, kind) = match error {
        Error::Malformed { language, .. } => (400, malformed(*language)),
        Error::DocumentType { .. } => (400, "document-type-refused"),
        Error::Encoding(_) => (415, "unsupported-encoding"),
        Error::TooComplex(_) => (400, "too-complex"),
        Error::TooLarge => (413, "body-too-large"),
        Error::NotConvertible(_) => (422, "not-convertible"),
        Error::VersionMismatch(_) => (400, "soap-version-mismatch"),
        Error::MustUnderstand(_) => (400, "soap-must-understand"),
    };
    let text = match error {
        Error::TooLarge => "the translated body would be too large".to_owned(),
        error => error.to_string(),
    };
    let detail = format!("The request cannot be translated: {text}.");
    match form {
        Form::Fault(version) => fault(error, version, &detail),
        Form::Problem(language) => problem(language, status, kind, &detail),
    }
}

/// The reply in the place of a response that is not translated. The log says more.
pub(crate) fn of_response(error: &Error, form: Form) -> Reply {
    let (kind, detail) = told(error);
    match form {
        Form::Fault(version) => envelope(version, Code::Receiver, &detail),
        Form::Problem(language) => problem(language, 502, kind, &detail),
    }
}

/// The same, in the place of what a service says is wrong: the status is what counts of that, and it
/// stays.
pub(crate) fn of_error(error: &Error, status: u16, form: Form) -> Reply {
    let (_, detail) = told(error);
    match form {
        Form::Fault(version) => {
            let reason = format!("HTTP {status}. {detail}");
            envelope(version, Code::of_status(status), &reason)
        }
        Form::Problem(language) => problem(language, status, "untranslated-error", &detail),
    }
}

fn told(error: &Error) -> (&'static str, String) {
    match error {
        Error::Malformed { language, position, .. } => (
            malformed(*language),
            format!("The service's answer is not well-formed {language}: {position}."),
        ),
        Error::DocumentType { position } => (
            "document-type-refused",
            format!("The service's answer has a document type declaration: {position}."),
        ),
        Error::Encoding(_) => {
            ("unsupported-encoding", "The service's answer is in an unknown encoding.".into())
        }
        Error::TooComplex(_) => {
            ("too-complex", "The service's answer is too complex to be translated.".into())
        }
        Error::TooLarge => {
            ("body-too-large", "The service's answer is too large to be translated.".into())
        }
        Error::NotConvertible(_) | Error::VersionMismatch(_) | Error::MustUnderstand(_) => {
            ("not-convertible", "The service's answer cannot be translated.".into())
        }
    }
}

fn malformed(language: Language) -> &'static str {
    match language {
        Language::Json => "malformed-json",
        Language::Xml => "malformed-xml",
    }
}

fn fault(error: &Error, version: Version, detail: &str) -> Reply {
    let code = match error {
        Error::VersionMismatch(_) => Code::VersionMismatch,
        Error::MustUnderstand(_) => Code::MustUnderstand,
        _ => Code::Sender,
    };
    envelope(version, code, detail)
}

fn envelope(version: Version, code: Code, reason: &str) -> Reply {
    let written = collect(usize::MAX, |out| {
        soap::write_fault(version, code, reason, "", out);
        Ok(())
    });
    let body = written.unwrap_or_default();
    in_xml(code.status(version), version.media_type(), body).header("vary", "accept")
}

fn problem(language: Language, status: u16, kind: &str, detail: &str) -> Reply {
    let reply = match language {
        Language::Json => Reply::problem(status, kind, detail),
        Language::Xml => problem_in_xml(status, kind, detail),
    };
    reply.header("vary", "accept")
}

fn problem_in_xml(status: u16, kind: &str, detail: &str) -> Reply {
    let json = Reply::problem(status, kind, &chars::printable(detail));
    let text = str::from_utf8(json.body.as_bytes()).unwrap_or_default();
    match problem::document(text) {
        Ok(document) => in_xml(status, problem::XML, document),
        Err(_) => json,
    }
}

/// (Like [`Reply::problem`], it is about this request only.)
fn in_xml(status: u16, media_type: &str, body: String) -> Reply {
    let mut reply = Reply::empty(status)
        .header("content-type", format!("{media_type}; charset=utf-8"))
        .header("cache-control", "no-store");
    reply.body = body.into();
    reply
}

/// A body in no language that is spoken here.
pub(crate) fn media_type(detail: &str, language: Language) -> Reply {
    // (RFC 9110, 15.5.16: Accept says what would do.)
    problem(language, 415, "unsupported-media-type", detail)
        .header("accept", "application/json, application/xml, text/xml")
}

/// A client that accepts no language that is spoken here.
pub(crate) fn not_acceptable(language: Language) -> Reply {
    let detail = "There are application/json and application/xml; Accept allows neither.";
    problem(language, 406, "not-acceptable", detail)
}
