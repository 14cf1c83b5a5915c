//! What is XML, and what is not.

use super::{json, no_json, options, to_json};
use crate::{
    convert::{Limits, Options},
    error::Error,
};

#[test]
fn what_is_not_well_formed_is_refused_where_it_is() {
    for (document, why) in [
        ("", "line 1, column 1: there is no element"),
        (" \n", "line 2, column 1: there is no element"),
        ("text", "column 1: text outside the root element"),
        ("<a/>text", "column 5: text outside the root element"),
        ("<a/>&#32;", "column 5: text outside the root element"),
        ("<a/><![CDATA[]]>", "column 5: text outside the root element"),
        ("<a/><b/>", "column 5: a second root element"),
        ("<a>", "column 4: `a` is not closed"),
        ("<a>\n<b></a>", "line 2, column 4: `b` is not closed by this tag"),
        ("<a></ab>", "column 4: `a` is not closed by this tag"),
        ("</a>", "column 1: an end tag without its start"),
        ("<a></a", "column 4: `a` is not closed by this tag"),
        ("< a/>", "column 2: expected an element's name"),
        ("<1a/>", "column 2: expected an element's name"),
        ("<a", "column 3: the tag does not end"),
        ("<a / >", "column 5: expected `>`"),
        ("<a b/>", "column 5: expected `=`"),
        ("<a b=1/>", "column 6: an attribute's value must be quoted"),
        ("<a b='1/>", "column 7: the attribute's value does not end"),
        ("<a b='<'/>", "column 7: `<` in an attribute's value"),
        ("<a b='1'c='2'/>", "column 9: white space is missing in the tag"),
        ("<a b='1' b='2'/>", "column 10: attribute `b` stands there twice"),
        ("<a>]]></a>", "column 4: `]]>` outside a CDATA section"),
        ("<a><![CDATA[x</a>", "column 4: the CDATA section does not end"),
        ("<a><!-- -- --></a>", "column 9: `--` in a comment"),
        ("<a><!-- ---></a>", "column 9: `--` in a comment"),
        ("<a><!-- </a>", "column 4: the comment does not end"),
        ("<a><!x></a>", "column 4: neither a comment nor a CDATA section"),
        ("<a><!ELEMENT b ANY></a>", "column 4: neither a comment nor a CDATA section"),
        ("<a>&amp</a>", "column 4: `&` must be written as `&amp;`"),
        ("<a>& b;</a>", "column 4: `&` must be written as `&amp;`"),
        ("<a>&nbsp;</a>", "column 4: entity `nbsp` is not declared"),
        ("<a>&#0;</a>", "column 4: a reference to a character that XML does not have"),
        ("<a>&#xFFFE;</a>", "column 4: a reference to a character that XML does not have"),
        ("<a>&#xD800;</a>", "column 4: not a character reference"),
        ("<a>&#x110000;</a>", "column 4: not a character reference"),
        ("<a>&#99999999999999999999;</a>", "column 4: not a character reference"),
        ("<a>&#xg;</a>", "column 4: not a character reference"),
        ("<a>&#X41;</a>", "column 4: not a character reference"),
        ("<a>\u{1}</a>", "column 4: a character that XML does not have"),
        ("<a>é\u{FFFF}</a>", "column 5: a character that XML does not have"),
        ("<a b='\u{FFFE}'/>", "column 7: a character that XML does not have"),
        ("<!--\u{0}--><a/>", "column 5: a character that XML does not have"),
        ("<?a \u{7}?><a/>", "column 5: a character that XML does not have"),
        ("<a><?xml version='1.0'?></a>", "column 4: an XML declaration can only stand"),
        (" <?xml version='1.0'?><a/>", "column 2: an XML declaration can only stand"),
        ("<?XML version='1.0'?><a/>", "column 1: an XML declaration can only stand"),
        ("<?pi:x?><a/>", "column 1: a colon in a processing instruction's target"),
        ("<?pi/x?><a/>", "column 5: white space is missing after the target"),
        ("<? x?><a/>", "column 3: expected a processing instruction's target"),
        ("<?x", "column 4: white space is missing after the target"),
        ("<?xml?><a/>", "the XML declaration has no version"),
        ("<?xml encoding='utf-8'?><a/>", "the XML declaration has no version"),
        ("<?xml version='2.0'?><a/>", "the XML version is not 1.0"),
        ("<?xml version='1.'?><a/>", "the XML version is not 1.0"),
        ("<?xml version='1.0' standalone='yes' encoding='utf-8'?><a/>", "expected `?>`"),
        ("<?xml version='1.0' standalone='maybe'?><a/>", "neither `yes` nor `no`"),
        ("<?xml version='1.0'encoding='utf-8'?><a/>", "expected `?>`"),
        ("<?xml version='1.0\"?><a/>", "the value does not end"),
        ("<a:b/>", "column 2: the prefix of `a:b` is not declared"),
        ("<a><b c:d='1'/></a>", "column 7: the prefix of `c:d` is not declared"),
        ("<a:b:c/>", "column 2: `a:b:c` is not a name with one prefix at most"),
        ("<:a/>", "column 2: `:a` is not a name"),
        ("<a xmlns:b=''/>", "column 4: a prefix cannot stand for no namespace"),
        ("<a xmlns:xml='urn:a'/>", "column 4: the prefix `xml` has a namespace of its own"),
        ("<a xmlns:xmlns='urn:a'/>", "column 4: the prefix `xmlns` cannot be declared"),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", "this namespace has a prefix of its own"),
        ("<xmlns:a/>", "an element with the prefix `xmlns`"),
        ("<a xmlns:b='u' xmlns:c='u' b:x='1' c:x='2'/>", "attribute `x` stands there twice"),
    ] {
        let error = no_json(document, &options());
        assert!(error.contains(why), "{document}: {error}");
    }
}

#[test]
fn what_is_well_formed_is_read() {
    for (document, expected) in [
        ("<a/>", r#"{"a":null}"#),
        ("<a></a >", r#"{"a":null}"#),
        ("<?xml version='1.0'?>\r\n<a\t/>\n<!-- c --><?p?>", r#"{"a":null}"#),
        ("<?xml version=\"1.1\" encoding = 'UTF-8' standalone='no' ?><a/>", r#"{"a":null}"#),
        ("<?xml-stylesheet href='x'?><a/>", r#"{"a":null}"#),
        ("<a>]] > ]]&gt;</a>", r#"{"a":"]] > ]]>"}"#),
        ("<a><![CDATA[]]]]><![CDATA[>]]></a>", r#"{"a":"]]>"}"#),
        ("<a><?p <b> -- ?></a>", r#"{"a":null}"#),
        ("<a b='\"' c=\"'\" d='>'/>", r#"{"a":{"@b":"\"","@c":"'","@d":">"}}"#),
        ("<名前 属性='値'>é\u{FFFD}😀</名前>", r##"{"名前":{"@属性":"値","#text":"é�😀"}}"##),
        ("<a>\u{85}\u{7F}x</a>", "{\"a\":\"\u{85}\u{7F}x\"}"),
        (
            "<a>&#x0000000000000000000000000000000000000000000000000000000000000000041;</a>",
            r#"{"a":"A"}"#,
        ),
        (
            "<x:a xmlns:x='u'><x:b xmlns:x='v'/><x:c/></x:a>",
            r#"{"x:a":{"@xmlns:x":"u","x:b":{"@xmlns:x":"v"},"x:c":null}}"#,
        ),
        ("<a xml:lang='en'/>", r#"{"a":{"@xml:lang":"en"}}"#),
    ] {
        assert_eq!(json(document, &options()), expected, "{document}");
    }
}

#[test]
fn document_types_are_refused() {
    for document in [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1/'><a/>",
        "<!DOCTYPE",
    ] {
        let error = to_json(document.as_bytes(), &options()).unwrap_err();
        assert!(matches!(error, Error::DocumentType { .. }), "{document}: {error}");
    }
}

#[test]
fn the_limits_hold() {
    let limits = Limits { depth: 3, elements: 5, attributes: 2, name: 4, output: 40 };
    let options = Options { limits, ..options() };
    for document in [
        "<a><b><c/></b></a>",
        "<a><b/><b/><b/><b/></a>",
        "<a b='1' c='2'/>",
        "<abcd efgh='1'/>",
        "<a>12345678901234567890123456789012</a>",
    ] {
        json(document, &options);
    }
    for (document, why) in [
        ("<a><b><c><d/></c></b></a>", "more than 3 elements in one another"),
        ("<a><b/><b/><b/><b/><b/></a>", "more than 5 elements"),
        ("<a b='1' c='2' d='3'/>", "more than 2 attributes"),
        ("<abcde/>", "a name of more than 4 bytes"),
        ("<a abcde='1'/>", "a name of more than 4 bytes"),
        ("<a>123456789012345678901234567890123</a>", "larger than `limits.output`"),
    ] {
        assert!(no_json(document, &options).contains(why), "{document}");
    }
}

#[test]
fn names_of_one_document_are_numbered_in_16_bits() {
    let document = |count: usize| {
        let elements: String = (0..count).map(|number| format!("<n{number}/>")).collect();
        format!("<a>{elements}</a>")
    };
    assert!(to_json(document(65_000).as_bytes(), &options()).is_ok());
    let error = no_json(&document(66_000), &options());
    assert!(error.contains("65,535 different names"), "{error}");
}

#[test]
fn what_is_as_deep_as_the_settings_allow_fits_the_stack() {
    const DEPTH: usize = 256;
    let limits = Limits { depth: DEPTH, ..Limits::default() };
    let options = Options { limits, ..options() };
    // The object around the root is one of them.
    let document = format!("{}{}", "<a>".repeat(DEPTH - 1), "</a>".repeat(DEPTH - 1));
    let there = json(&document, &options);
    let back = super::xml(&there, &options);
    assert_eq!(json(&back, &options), there);
}
