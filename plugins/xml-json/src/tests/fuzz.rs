//! Documents that were tampered with: nothing may panic, and what comes out is what it should be.

use proptest::{collection, prelude::*, sample};
use torana_plugin_sdk::serde::de::IgnoredAny;

use super::{Convention, options, path, to_json, to_xml, translate};
use crate::{
    convert::{Duplicates, Infer, Limits, Namespaces, Nulls, Options, Type},
    soap::Version,
    translate::{Message, Soap},
    xml::Prefixes,
};

const XML: [&str; 6] = [
    "<?xml version=\"1.0\" encoding='UTF-8' standalone=\"yes\"?>\r\n<a b='c&lt;' d=\"&#x41;\">e</a>",
    "<p:a xmlns:p=\"urn:p\" xmlns='urn:d' p:b='1' b='2'><c/>t<c>&amp;</c><!-- x --><?y z?></p:a>",
    "<a>x<![CDATA[ ]]y]]><b/><c/><b/>\u{A0}é名😀</a>",
    "<soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Header/><soap:Body>\
     <soap:Fault><faultcode>soap:Client</faultcode></soap:Fault></soap:Body></soap:Envelope>",
    "<r><i>1</i><i>true</i><_x0041_/><i> 007 </i></r>",
    "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
];

const JSON: [&str; 4] = [
    r##"{"a":{"@b":"c","#text":"d","e":[1,null,true,{"f":"\u00e9\ud83d\ude00\n"}]}}"##,
    r##"{"p:a":{"@xmlns:p":"urn:p","@xmlns":{"$":"u"},"p:b":[[1],[]],"#comment":"x","a b":{}}}"##,
    r#"{"type":"urn:x","title":"t","status":404,"errors":[{"a":1},"b"]}"#,
    "[1.10, -0e+5, \"\", {}, [], {\"a\":1,\"a\":2}]",
];

/// A bit here and there: removed, repeated, overwritten.
#[derive(Clone, Debug)]
struct Tampering {
    at: sample::Index,
    length: usize,
    with: Vec<u8>,
}

fn tampering() -> impl Strategy<Value = Vec<Tampering>> {
    let pieces: Vec<&[u8]> = vec![
        b"<",
        b">",
        b"/",
        b"&",
        b";",
        b"&#",
        b"\"",
        b"'",
        b"=",
        b" ",
        b"]]>",
        b"<![CDATA[",
        b"<!--",
        b"--",
        b"-->",
        b"<?",
        b"?>",
        b"<?xml ",
        b"xmlns:p='v'",
        b"xmlns=''",
        b"p:",
        b":",
        b"<a>",
        b"</a>",
        b"<a/>",
        b"\0",
        b"\r",
        b"\xFF",
        b"\xFF\xFE",
        b"\xEF\xBB\xBF",
        b"\xEF\xBF\xBE",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"\\u",
        b"\\",
        b"\"@a\":1,",
        b"1e",
        b"-",
        b"null",
        b"\xC3",
    ];
    let with = prop_oneof![
        4 => sample::select(pieces).prop_map(<[u8]>::to_vec),
        1 => collection::vec(any::<u8>(), 0..4),
    ];
    let one = (any::<sample::Index>(), 0..6_usize, with);
    let one = one.prop_map(|(at, length, with)| Tampering { at, length, with });
    collection::vec(one, 0..5)
}

fn tampered(document: &str, tamperings: &[Tampering]) -> Vec<u8> {
    let mut bytes = document.as_bytes().to_vec();
    for Tampering { at, length, with } in tamperings {
        let start = at.index(bytes.len() + 1);
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, with.iter().copied());
    }
    bytes
}

/// Every way to translate.
fn ways() -> Vec<Options> {
    let prefixes = [("", "urn:d"), ("p", "urn:p")];
    let prefixes = prefixes.map(|(prefix, uri)| (prefix.to_owned(), uri.to_owned()));
    let types = [(path("**.b"), Type::Number), (path("*.c"), Type::Boolean)];
    vec![
        options(),
        Options {
            namespaces: Namespaces::Strip,
            infer: Infer { numbers: true, booleans: true },
            arrays: [(path("**"), ())].into_iter().collect(),
            limits: Limits { depth: 4, output: 100, ..Limits::default() },
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
        options().lenient(),
        Options::new(Convention::Badgerfish.shape()).lenient(),
    ]
}

fn soap() -> Soap {
    Soap { version: None, action: String::new(), understood: Vec::new() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn xml_gives_json_or_an_error(
        document in sample::select(XML.to_vec()),
        tamperings in tampering(),
    ) {
        let bytes = tampered(document, &tamperings);
        for options in ways() {
            let Ok(json) = to_json(&bytes, &options) else { continue };
            let parsed = serde_json::from_str::<serde_json::Value>(&json);
            prop_assert!(parsed.is_ok(), "{}: {:?}", json, parsed);
            // What was XML can be XML again, or there is a reason not to.
            let Ok(back) = to_xml(json.as_bytes(), &options) else { continue };
            let unlimited = Options { limits: Limits::default(), ..options };
            prop_assert!(well_formed(&back, &unlimited), "{} -> {}", json, back);
        }
        for status in [None, Some(500)] {
            let message = Message { content_type: "text/xml", status };
            let done = translate(&options(), Some(soap()), |translation, out| {
                translation.to_json(bytes.clone(), message, out)
            });
            if let Ok(json) = done {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
            }
        }
    }

    #[test]
    fn json_gives_xml_or_an_error(
        document in sample::select(JSON.to_vec()),
        tamperings in tampering(),
    ) {
        let bytes = tampered(document, &tamperings);
        let text = std::str::from_utf8(&bytes);
        // (It takes halves of surrogate pairs for characters.)
        let is_json = |text| serde_json::from_str::<IgnoredAny>(text).is_ok();
        let has_escapes = text.is_ok_and(|text| text.contains("\\u"));
        for options in ways() {
            match to_xml(&bytes, &options) {
                Ok(xml) => {
                    let unlimited = Options { limits: Limits::default(), ..options };
                    prop_assert!(well_formed(&xml, &unlimited), "{}", xml);
                    let text = text.map(|text| text.strip_prefix('\u{FEFF}').unwrap_or(text));
                    prop_assert!(text.is_ok_and(is_json), "it is no JSON");
                }
                Err(crate::error::Error::Malformed { .. }) => {
                    prop_assert!(has_escapes || !text.is_ok_and(is_json), "{:?}", text);
                }
                Err(_) => {}
            }
        }
        for (content_type, status) in
            [("application/json", 200), ("application/json", 500), ("application/problem+json", 400)]
        {
            let message = Message { content_type, status: Some(status) };
            let done = translate(&options(), Some(soap()), |translation, out| {
                translation.to_xml(bytes.clone(), message, Version::V12, out)
            });
            if let Ok(xml) = done {
                prop_assert!(well_formed(&xml, &options()), "{}", xml);
            }
        }
    }
}

/// By the reader, whose word the conformance suites take.
fn well_formed(document: &str, options: &Options) -> bool {
    let plain = Options { limits: options.limits, ..super::options() };
    to_json(document.as_bytes(), &plain).is_ok()
}
