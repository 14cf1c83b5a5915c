//! `bff-shape`: a profile on the first line, what the client selects on the second, then a document.
//!
//! A document passes if it is JSON, and stays JSON; without a profile it stays what it is.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../plugins/bff-shape/src/condition.rs"]
mod condition;
#[path = "../../plugins/bff-shape/src/fields.rs"]
mod fields;
#[path = "../../plugins/bff-shape/src/json/mod.rs"]
mod json;
#[path = "../../plugins/bff-shape/src/path.rs"]
mod path;
#[path = "../../plugins/bff-shape/src/plan/mod.rs"]
mod plan;
#[path = "../../plugins/bff-shape/src/profile.rs"]
mod profile;
#[path = "../../plugins/bff-shape/src/query.rs"]
mod query;
#[path = "../../plugins/bff-shape/src/rules.rs"]
mod rules;
#[path = "../../plugins/bff-shape/src/settings"]
mod settings {
    mod condition;
    mod limit;
    mod paths;
    mod profile;
    mod table;

    pub(crate) use profile::ProfileSettings;
}
#[path = "../../plugins/bff-shape/src/shape/mod.rs"]
mod shape;
#[path = "../../plugins/bff-shape/src/table.rs"]
mod table;
#[path = "../../plugins/bff-shape/src/tree.rs"]
mod tree;
#[path = "../../plugins/bff-shape/src/window.rs"]
mod window;

use std::collections::BTreeMap;

use fields::Allowed;
use json::Document;
use libfuzzer_sys::fuzz_target;
use plan::Plan;
use settings::ProfileSettings;
use torana_fuzz::{is_json, lines};
use torana_plugin_sdk::settings::parse;
use window::Window;

const MAX_DEPTH: usize = 64;

fuzz_target!(|data: &[u8]| {
    let Some([profile, selected, document]) = lines(data) else { return };
    let is_read = Document::parse(document, MAX_DEPTH).is_ok();
    if is_read {
        let text = document.strip_prefix('\u{feff}').unwrap_or(document);
        assert!(is_json(text), "this was taken for JSON: {text}");
        let plan = Plan::new(&rules::Rules::default()).expect("nothing to do");
        assert_eq!(shaped(&plan, &[], text), text.trim_ascii(), "nothing was to be done");
    }
    if let Ok(Some(paths)) = Allowed::default().select(&[selected.to_owned()])
        && let Ok(plan) = Plan::of_fields(paths)
        && is_read
    {
        assert!(is_json(&shaped(&plan, &[], document)));
    }
    by_profile(profile, is_read.then_some(document));
});

fn by_profile(text: &str, document: Option<&str>) {
    let Ok(settings) = parse::<ProfileSettings>(text) else { return };
    let Ok(profiles) = profile::prepare(BTreeMap::from([("p".into(), settings)])) else { return };
    let (Some(document), Some(profile)) = (document, profiles.get("p")) else { return };
    let mut text = document.strip_prefix('\u{feff}').unwrap_or(document).to_owned();
    if let Some(plan) = &profile.plan {
        let windows = plan.limits().iter().map(|limit| limit.window(|_| None));
        let Ok(windows) = windows.collect::<Result<Vec<_>, _>>() else { return };
        text = shaped(plan, &windows, &text);
        assert!(is_json(&text), "{text}");
    }
    // What a profile makes of a document may be deeper than it was.
    let Ok(document) = Document::parse(&text, 512) else { return };
    if let Some(Ok(text)) = profile.query.as_ref().map(|query| query.run(document)) {
        assert!(is_json(&text), "{text}");
    }
}

fn shaped(plan: &Plan, windows: &[Window], document: &str) -> String {
    let document = Document::parse(document, MAX_DEPTH).expect("it was read before");
    let mut out = Vec::new();
    shape::shape(plan, windows, document, &mut out).expect("memory does not fail");
    String::from_utf8(out).expect("UTF-8")
}
