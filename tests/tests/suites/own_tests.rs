//! xmltodict's own tests: what they read is read by the gateway too, and must become the same.

use torana_tests::Reply;

use crate::{
    convention::{ROUTES, judge, route},
    suite::{Score, objects, package, script, text},
    translator::{Posted, Translator},
};

const KINDS: [&str; 2] = ["application/xml", "application/xml; charset=utf-8"];

#[tokio::test]
async fn the_documents_of_its_tests_become_what_they_expect() {
    let mut command = script("own_tests.py");
    command.arg(package("xmltodict-1.0.4"));
    let mut cases = objects(command).await;
    let counts = cases.pop().expect("the counts");
    let translator = Translator::start(&ROUTES).await;
    let posted = cases.iter().map(|case| Posted {
        route: route(text(case, "route")),
        kind: KINDS.into_iter().find(|kind| *kind == text(case, "kind")).expect("a kind"),
        body: text(case, "xml").to_owned().into(),
    });
    let replies: Vec<Reply> = translator.post_all(posted.collect()).await;
    let mut score = Score::of("xmltodict's tests");
    for (case, reply) in cases.iter().zip(&replies) {
        score.count(text(case, "xml"), judge(case, reply));
    }
    translator.expect_no_failure();
    let (tests, left_out) = (&counts["tests"], &counts["left_out"]);
    let remark = format!("calls of {tests} tests; {left_out} more have options of Python alone");
    score.expect(42, 42, &remark);
}
