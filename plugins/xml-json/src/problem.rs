//! Problem details (RFC 9457): the same in JSON, in XML and as a fault.

use crate::{
    convert::{
        Convention, Namespaces, Options, Paths, Pattern, Shape, Top, Type, write_json, write_xml,
    },
    error::Error,
    json::{Json, Kind},
    output::{Output, collect},
    soap::{self, Code, Version},
    translate::DECLARATION,
    xml::{NodeId, Prefixes, Tree},
};

pub(crate) const JSON: &str = "application/problem+json";
pub(crate) const XML: &str = "application/problem+xml";

/// The XML that RFC 9457 has (appendix B): no attributes, arrays as elements `i`. Members can have
/// any name (`errors` of ASP.NET has paths for names), and who reads a problem passes over what it
/// does not know (3): none of them is worth the rest.
fn options(limits: &Options) -> Options {
    let shape = Shape { items: Some("i"), ..Convention::Parker.shape() };
    let namespace = ("".to_owned(), "urn:ietf:rfc:7807".to_owned());
    Options {
        root: Some("problem".into()),
        item: Some("i".into()),
        prefixes: Prefixes([namespace].into()),
        limits: limits.limits,
        ..Options::new(shape).lenient()
    }
}

/// From problem+json to problem+xml.
pub(crate) fn to_xml(json: &Json<'_>, limits: &Options, out: &mut Output<'_>) -> Result<(), Error> {
    let options = Options { namespaces: Namespaces::Map, ..options(limits) };
    write_xml(json, json.root(), Top::Document, &options, out)
}

/// A problem of our own, as a document. No cap of the settings is meant for it.
pub(crate) fn document(json: &str) -> Result<String, Error> {
    let limits = Options::new(Convention::Parker.shape());
    let json = Json::read(json, limits.json_limits())?;
    collect(usize::MAX, |out| {
        out.push(DECLARATION);
        to_xml(&json, &limits, out)
    })
}

/// From problem+xml to problem+json.
pub(crate) fn to_json(text: &str, limits: &Options, out: &mut Output<'_>) -> Result<(), Error> {
    let status = Pattern::parse("status").map(|path| (path, Type::Integer));
    let options = Options {
        namespaces: Namespaces::Strip,
        types: status.into_iter().collect::<Paths<_>>(),
        ..options(limits)
    };
    let tree = Tree::read(text, options.reading(false))?;
    write_json(&tree, NodeId::DOCUMENT, &options, out)
}

/// From an error in JSON, a problem or any other, to a fault.
pub(crate) fn to_fault(
    json: &Json<'_>,
    is_problem: bool,
    status: u16,
    version: Version,
    limits: &Options,
    out: &mut Output<'_>,
) {
    // What cannot be said in XML is left out: the fault is what counts.
    let detail = collect(limits.limits.output, |out| {
        if is_problem {
            return to_xml(json, limits, out);
        }
        let options = Options { root: None, ..limits.clone() };
        write_xml(json, json.root(), version.top(), &options, out)
    });
    let reason = reason(json).unwrap_or_else(|| format!("HTTP {status}"));
    let detail = detail.unwrap_or_default();
    soap::write_fault(version, Code::of_status(status), &reason, &detail, out);
}

/// The words for people.
fn reason(json: &Json<'_>) -> Option<String> {
    let root = json.root();
    let member = |name: &str| {
        let members = (json.kind(root) == Kind::Object).then(|| json.content(root));
        let mut texts = members?.filter(|&value| json.kind(value) == Kind::String);
        texts.find(|&value| json.key(value) == name).map(|value| json.scalar(value).into_owned())
    };
    ["detail", "title", "message", "error"].into_iter().find_map(member)
}
