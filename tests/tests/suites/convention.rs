//! xmltodict itself says what a document should become: it reads some hundred random ones, and the
//! gateway must make the same JSON of each, with keys in the same order.

use serde_json::Value;
use torana_tests::Reply;

use crate::{
    suite::{Score, cases, package, text},
    translator::{Posted, Translator},
};

/// Routes, and the settings that stand for xmltodict's options there.
pub(crate) const ROUTES: [(&str, &str); 4] = [
    ("default", r#"service = "json""#),
    ("comments", r#"service = "json", comments = "keep""#),
    ("whitespace", r#"service = "json", whitespace = "keep""#),
    ("both", r#"service = "json", comments = "keep", whitespace = "keep""#),
];

#[tokio::test]
async fn documents_become_what_xmltodict_makes_of_them() {
    let cases = cases("convention.py", &[&package("xmltodict-1.0.4")]);
    let translator = Translator::start(&ROUTES).await;
    let posted = cases.iter().map(|case| Posted {
        route: route(text(case, "route")),
        kind: "application/xml",
        body: text(case, "xml").to_owned().into(),
    });
    let replies = translator.post_all(posted.collect()).await;
    let mut score = Score::of("xmltodict as an oracle");
    for (case, reply) in cases.iter().zip(&replies) {
        score.count(text(case, "xml"), judge(case, reply));
    }
    translator.expect_no_failure();
    score.expect(600, 600, "random documents, four sets of options");
}

pub(crate) fn route(name: &str) -> &'static str {
    ROUTES.iter().find(|(route, _)| *route == name).expect("a route").0
}

pub(crate) fn judge(case: &Value, reply: &Reply) -> Result<(), String> {
    let expected = &case["expected"];
    if expected.is_null() {
        return if reply.status == 400 {
            Ok(())
        } else {
            Err(format!("xmltodict refuses it: {reply:?}"))
        };
    }
    let wanted = expected.to_string();
    // As text, for equal objects may differ in the order of their keys.
    let made = serde_json::from_slice::<Value>(&reply.body).map(|made| made.to_string());
    if reply.status == 200 && made.is_ok_and(|made| made == wanted) {
        Ok(())
    } else {
        Err(format!("\n  expected {expected}\n  got      {reply:?}"))
    }
}
