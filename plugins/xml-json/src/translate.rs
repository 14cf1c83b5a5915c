//! A body from one language to the other, whatever it is.

use std::borrow::Cow;

use crate::{
    convert::{Options, Top, write_json, write_xml},
    encoding::{decode_json, decode_xml},
    error::Error,
    json::Json,
    media,
    output::Output,
    problem, soap,
    soap::{Code, Envelope, Version},
    xml::{NodeId, Tree},
};

/// How bodies are translated.
#[derive(Clone, Debug)]
pub(crate) struct Translation {
    pub(crate) options: Options,
    pub(crate) soap: Option<Soap>,
}

/// How envelopes are treated.
#[derive(Clone, Debug)]
pub(crate) struct Soap {
    /// The version, if it is not the client's or service's to choose.
    pub(crate) version: Option<Version>,
    /// The action of requests to services.
    pub(crate) action: String,
    /// The namespaces of header blocks that may be mandatory.
    pub(crate) understood: Vec<String>,
}

/// A message, as its head describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) content_type: &'a str,
    /// Of a response.
    pub(crate) status: Option<u16>,
}

impl Message<'_> {
    /// The status of a response that says what is wrong. As much of it is translated as can be.
    fn error(&self) -> Option<u16> {
        self.status.filter(|&status| status >= 400)
    }
}

/// What became of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Translated {
    /// The media type, if it is a special one.
    pub(crate) media_type: Option<&'static str>,
    /// The status, if it is another one now.
    pub(crate) status: Option<u16>,
    /// The version of the envelope that was opened.
    pub(crate) version: Option<Version>,
}

pub(crate) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

impl Translation {
    /// From XML to JSON.
    pub(crate) fn to_json(
        &self,
        body: Vec<u8>,
        message: Message<'_>,
        out: &mut Output<'_>,
    ) -> Result<Translated, Error> {
        let charset = media::parameter(message.content_type, "charset");
        let text = decode_xml(body, charset.as_deref())?;
        if media::is_problem(message.content_type) {
            problem::to_json(&text, &self.options, out)?;
            return Ok(Translated { media_type: Some(problem::JSON), ..Translated::default() });
        }
        let mut tree = Tree::read(&text, self.options.reading(self.soap.is_some()))?;
        match &self.soap {
            Some(soap) => self.unwrap(soap, &mut tree, message, out),
            None => {
                write_json(&tree, NodeId::DOCUMENT, &self.options_for(message), out)?;
                Ok(Translated::default())
            }
        }
    }

    fn options_for(&self, message: Message<'_>) -> Cow<'_, Options> {
        match message.error() {
            Some(_) => Cow::Owned(self.options.lenient()),
            None => Cow::Borrowed(&self.options),
        }
    }

    fn unwrap(
        &self,
        soap: &Soap,
        tree: &mut Tree<'_>,
        message: Message<'_>,
        out: &mut Output<'_>,
    ) -> Result<Translated, Error> {
        let options = self.options_for(message);
        // Errors come from other versions (SOAP 1.2, appendix A), under wrong types, and from who
        // knows no SOAP.
        let is_error = message.error().is_some();
        let version = soap.version.filter(|_| !is_error);
        let envelope = match Envelope::open(tree, version, &soap.understood) {
            Err(Error::NotConvertible(_)) if is_error => {
                write_json(tree, NodeId::DOCUMENT, &options, out)?;
                return Ok(Translated::default());
            }
            opened => opened?,
        };
        if !is_error {
            soap::check_media_type(message.content_type, envelope.version)?;
        }
        let mut translated =
            Translated { version: Some(envelope.version), ..Translated::default() };
        match (envelope.fault, message.status) {
            (Some(fault), Some(answered)) => {
                let status = fault.status(answered);
                fault.write_problem(tree, status, &options, out)?;
                translated.media_type = Some(problem::JSON);
                translated.status = Some(status);
            }
            _ => write_json(tree, envelope.body, &options, out)?,
        }
        Ok(translated)
    }

    /// From JSON to XML. `version`: of the envelope, where there is to be one.
    pub(crate) fn to_xml(
        &self,
        body: Vec<u8>,
        message: Message<'_>,
        version: Version,
        out: &mut Output<'_>,
    ) -> Result<Translated, Error> {
        let charset = media::parameter(message.content_type, "charset");
        let text = decode_json(body, charset.as_deref())?;
        let json = Json::read(&text, self.options.json_limits())?;
        let is_problem = media::is_problem(message.content_type);
        out.push(DECLARATION);
        match message.error() {
            Some(status) if self.soap.is_some() => {
                problem::to_fault(&json, is_problem, status, version, &self.options, out);
                Ok(Translated {
                    status: Some(Code::of_status(status).status(version)),
                    ..Translated::default()
                })
            }
            _ if is_problem => {
                problem::to_xml(&json, &self.options, out)?;
                Ok(Translated { media_type: Some(problem::XML), ..Translated::default() })
            }
            _ => {
                self.wrap(&json, version, &self.options_for(message), out)?;
                Ok(Translated::default())
            }
        }
    }

    fn wrap(
        &self,
        json: &Json<'_>,
        version: Version,
        options: &Options,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let root = json.root();
        if self.soap.is_none() {
            return write_xml(json, root, Top::Document, options, out);
        }
        version.open(out);
        write_xml(json, root, version.top(), options, out)?;
        Version::close(out);
        Ok(())
    }
}
