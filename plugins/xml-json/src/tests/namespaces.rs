//! Prefixes: kept, stripped, mapped.

use super::{json, no_json, no_xml, options, xml};
use crate::{
    convert::{Namespaces, Options},
    xml::Prefixes,
};

fn with(namespaces: Namespaces, prefixes: &[(&str, &str)]) -> Options {
    let owned = prefixes.iter().map(|&(prefix, uri)| (prefix.to_owned(), uri.to_owned()));
    Options { namespaces, prefixes: Prefixes(owned.collect()), ..options() }
}

#[test]
fn stripped_names_have_no_prefixes() {
    let strip = with(Namespaces::Strip, &[]);
    assert_eq!(
        json("<x:a xmlns:x='u' xmlns='v' x:i='1' j='2'><b xmlns='w'/></x:a>", &strip),
        r#"{"a":{"@i":"1","@j":"2","b":null}}"#
    );
    let error = no_json("<a xmlns:x='u' x:i='1' i='2'/>", &strip);
    assert!(error.contains("one name without their prefixes"), "{error}");
    assert!(no_json("<x:a/>", &strip).contains("not declared"));
}

#[test]
fn mapped_names_have_the_prefixes_of_the_settings() {
    let map = with(Namespaces::Map, &[("", "urn:o"), ("p", "urn:p"), ("o", "urn:o")]);
    let document = "<q:order xmlns:q='urn:o' xmlns:z='urn:p' q:id='1' z:id='2' id='3'>\
                    <z:party/><line xmlns='urn:o'/></q:order>";
    let expected = r#"{"order":{"@o:id":"1","@p:id":"2","@id":"3","p:party":null,"line":null}}"#;
    assert_eq!(json(document, &map), expected);
    let back = "<order xmlns=\"urn:o\" xmlns:o=\"urn:o\" xmlns:p=\"urn:p\" o:id=\"1\" p:id=\"2\" \
                id=\"3\"><p:party/><line/></order>";
    assert_eq!(xml(expected, &map), back);
    assert_eq!(json(back, &map), expected);
}

#[test]
fn names_of_other_namespaces_stay_if_nobody_can_mistake_them() {
    let map = with(Namespaces::Map, &[("p", "urn:p")]);
    let document = "<a xmlns:y='urn:y' y:b='1'><y:c/></a>";
    let expected = r#"{"a":{"@xmlns:y":"urn:y","@y:b":"1","y:c":null}}"#;
    assert_eq!(json(document, &map), expected);
    assert_eq!(json(&xml(expected, &map), &map), expected);

    let error = no_json("<p:a xmlns:p='urn:other'/>", &map);
    assert!(error.contains("`p:a` is not in namespace `urn:p`"), "{error}");
    let error = no_json("<a p:b='1' xmlns:p='urn:other'/>", &map);
    assert!(error.contains("`p:b` is not in namespace `urn:p`"), "{error}");
    let empty = with(Namespaces::Map, &[("", "urn:o")]);
    assert!(no_json("<a/>", &empty).contains("`a` is not in namespace `urn:o`"));
    assert!(no_json("<a xmlns='urn:o'><b xmlns=''/></a>", &empty).contains("`b` is not in"));
    let error = no_json("<x:a xmlns:x='urn:o' x:b='1'/>", &empty);
    assert!(error.contains("has only the empty prefix"), "{error}");
    let error = no_xml(r#"{"p:a":{"p:b":{"@xmlns:p":"urn:evil"}}}"#, &map);
    assert!(error.contains("`prefixes` has another namespace for this prefix"), "{error}");
}

#[test]
fn a_declaration_counts_for_its_element_alone() {
    let map = with(Namespaces::Map, &[("p", "urn:p")]);
    let document = "<a xmlns:x='urn:x'><x:b xmlns:x='urn:p'><x:c/></x:b><x:d/></a>";
    assert_eq!(json(document, &map), r#"{"a":{"@xmlns:x":"urn:x","p:b":{"p:c":null},"x:d":null}}"#);
    let error = no_xml(r#"{"a":[{"b":{"@xmlns:q":"u"},"q:c":1}]}"#, &options());
    assert!(error.contains("the prefix `q` is not declared"), "{error}");
}
