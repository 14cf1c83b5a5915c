//! Whole documents, both ways.

mod bytes;
mod conventions;
mod fuzz;
mod namespaces;
mod round_trip;
mod soap;
mod tags;
mod well_formed;

use torana_plugin_sdk::{prelude::*, settings};

use crate::{
    convert::{Convention, Options, Pattern, Type},
    error::Error,
    output::collect,
    soap::Version,
    translate::{Message, Soap, Translated, Translation},
};

#[test]
fn cases() {
    torana_plugin_sdk::cases::run::<super::XmlJson>("cases");
}

fn plugin(settings: &str) -> super::XmlJson {
    let settings = settings::parse(settings).expect("settings");
    super::XmlJson::new(settings).expect("a plugin")
}

fn options() -> Options {
    Options::new(Convention::Xmltodict.shape())
}

fn path(text: &str) -> Pattern {
    Pattern::parse(text).expect("a path")
}

fn typed(paths: &[(&str, Type)]) -> Options {
    Options { types: paths.iter().map(|&(at, kind)| (path(at), kind)).collect(), ..options() }
}

/// A translation of bytes that may be anything.
fn to_json(bytes: &[u8], options: &Options) -> Result<String, Error> {
    translate(options, None, |translation, out| {
        let message = Message { content_type: "application/xml", status: None };
        translation.to_json(bytes.to_vec(), message, out)
    })
}

fn to_xml(bytes: &[u8], options: &Options) -> Result<String, Error> {
    let document = translate(options, None, |translation, out| {
        let message = Message { content_type: "application/json", status: None };
        translation.to_xml(bytes.to_vec(), message, Version::V11, out)
    })?;
    Ok(without_declaration(&document).to_owned())
}

fn without_declaration(document: &str) -> &str {
    let rest = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    rest.expect("every document has its declaration")
}

fn translate(
    options: &Options,
    soap: Option<Soap>,
    translate: impl FnOnce(&Translation, &mut crate::output::Output<'_>) -> Result<Translated, Error>,
) -> Result<String, Error> {
    let translation = Translation { options: options.clone(), soap };
    collect(options.limits.output, |out| translate(&translation, out).map(|_| ()))
}

/// The JSON of a document that must have one.
fn json(xml: &str, options: &Options) -> String {
    to_json(xml.as_bytes(), options).unwrap_or_else(|error| panic!("{xml}: {error}"))
}

/// The XML of a document that must have one.
fn xml(json: &str, options: &Options) -> String {
    to_xml(json.as_bytes(), options).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// Why a document of XML is refused.
fn no_json(xml: &str, options: &Options) -> String {
    match to_json(xml.as_bytes(), options) {
        Ok(json) => panic!("{xml} is accepted: {json}"),
        Err(error) => error.to_string(),
    }
}

/// Why a document of JSON is refused.
fn no_xml(json: &str, options: &Options) -> String {
    match to_xml(json.as_bytes(), options) {
        Ok(xml) => panic!("{json} is accepted: {xml}"),
        Err(error) => error.to_string(),
    }
}
