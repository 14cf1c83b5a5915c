//! `xml-json`: a document of whatever language, there and back.
//!
//! What one direction writes, the other reads; and what has come back once stays as it is from then on.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../plugins/xml-json/src/convert/mod.rs"]
mod convert;
#[path = "../../plugins/xml-json/src/encoding.rs"]
mod encoding;
#[path = "../../plugins/xml-json/src/error.rs"]
mod error;
#[path = "../../plugins/xml-json/src/json/mod.rs"]
mod json;
#[path = "../../plugins/xml-json/src/media.rs"]
mod media;
#[path = "../../plugins/xml-json/src/output.rs"]
mod output;
#[path = "../../plugins/xml-json/src/problem.rs"]
mod problem;
#[path = "../../plugins/xml-json/src/soap/mod.rs"]
mod soap;
#[path = "../../plugins/xml-json/src/translate.rs"]
mod translate;
#[path = "../../plugins/xml-json/src/xml/mod.rs"]
mod xml;

use convert::{Convention, Duplicates, Infer, Limits, Namespaces, Nulls, Options, Pattern, Type};
use error::Error;
use libfuzzer_sys::fuzz_target;
use output::Output;
use soap::Version;
use torana_fuzz::is_json;
use translate::{Message, Soap, Translated, Translation};
use xml::Prefixes;

fuzz_target!(|data: &[u8]| {
    for options in ways() {
        from_xml(data, &options);
        from_json(data, &options);
    }
    envelopes(data);
});

fn from_xml(data: &[u8], options: &Options) {
    let Ok(json) = to_json(data, options) else { return };
    assert!(is_json(&json), "{json}");
    let Ok(xml) = to_xml(json.as_bytes(), options) else { return };
    well_formed(&xml, options);
}

fn from_json(data: &[u8], options: &Options) {
    let Ok(xml) = to_xml(data, options) else { return };
    let text = std::str::from_utf8(data).expect("JSON is UTF-8");
    assert!(is_json(text.trim_start_matches('\u{feff}')), "this was taken for JSON: {text}");
    well_formed(&xml, options);
    // Once through the other language nothing is lost any more.
    let Ok(json) = to_json(xml.as_bytes(), options) else { return };
    let Ok(again) = to_xml(json.as_bytes(), options) else { return };
    if options.nulls == Nulls::Empty {
        assert_eq!(to_json(again.as_bytes(), options).as_deref(), Ok(&*json), "{xml}");
    }
}

/// Whatever is in the envelope, or is made one.
fn envelopes(data: &[u8]) {
    let soap = Soap { version: None, action: String::new(), understood: Vec::new() };
    let soap = Translation { options: options(), soap: Some(soap) };
    for status in [None, Some(500)] {
        let message = Message { content_type: "text/xml", status };
        if let Ok(json) = collect(|out| soap.to_json(data.to_vec(), message, out)) {
            assert!(is_json(&json), "{json}");
        }
    }
    for (content_type, status) in
        [("application/json", 200), ("application/json", 500), ("application/problem+json", 400)]
    {
        let message = Message { content_type, status: Some(status) };
        let done = collect(|out| soap.to_xml(data.to_vec(), message, Version::V12, out));
        if let Ok(xml) = done {
            well_formed(&xml, &options());
        }
    }
}

/// By the reader, whose word the conformance suites take. Names of any length, for they get longer
/// when they are escaped.
fn well_formed(document: &str, options: &Options) {
    let limits = Limits { name: usize::MAX, output: usize::MAX, ..options.limits };
    let plain = Options { limits: Limits { depth: 256, ..limits }, ..self::options() };
    match to_json(document.as_bytes(), &plain) {
        Ok(_) | Err(Error::TooComplex(_)) => {}
        Err(error) => panic!("{document}: {error}"),
    }
}

fn to_json(data: &[u8], options: &Options) -> Result<String, Error> {
    let translation = Translation { options: options.clone(), soap: None };
    let message = Message { content_type: "application/xml", status: None };
    collect(|out| translation.to_json(data.to_vec(), message, out))
}

fn to_xml(data: &[u8], options: &Options) -> Result<String, Error> {
    let translation = Translation { options: options.clone(), soap: None };
    let message = Message { content_type: "application/json", status: None };
    collect(|out| translation.to_xml(data.to_vec(), message, Version::V11, out))
}

fn collect(
    translate: impl FnOnce(&mut Output<'_>) -> Result<Translated, Error>,
) -> Result<String, Error> {
    output::collect(Limits::default().output, |out| translate(out).map(|_| ()))
}

fn options() -> Options {
    Options::new(Convention::Xmltodict.shape())
}

/// Every way to translate.
fn ways() -> [Options; 6] {
    let path = |text| Pattern::parse(text).expect("a path");
    let prefixes = [("", "urn:d"), ("p", "urn:p")];
    let prefixes = prefixes.map(|(prefix, uri)| (prefix.to_owned(), uri.to_owned()));
    let types = [(path("**.b"), Type::Number), (path("*.c"), Type::Boolean)];
    [
        options(),
        Options {
            namespaces: Namespaces::Strip,
            infer: Infer { numbers: true, booleans: true },
            arrays: [(path("**"), ())].into_iter().collect(),
            limits: Limits { depth: 4, ..Limits::default() },
            ..options()
        },
        Options {
            namespaces: Namespaces::Map,
            prefixes: Prefixes(prefixes.into()),
            types: types.into_iter().collect(),
            comments: true,
            trim: false,
            ..options()
        },
        Options {
            escape: true,
            duplicates: Duplicates::Last,
            nulls: Nulls::Omit,
            root: Some("r".into()),
            item: Some("i".into()),
            ..options()
        },
        Options::new(Convention::Badgerfish.shape()),
        Options { root: Some("r".into()), ..Options::new(Convention::Parker.shape()) },
    ]
}
