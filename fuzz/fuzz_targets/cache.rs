//! `cache`: what the store has on the first line, then what a service says: `Cache-Control` on the second line, `Expires`,
//! `Age`, `Date` and `Vary` on one each, and a reference in the rest.
//!
//! What is stored and can be read is the same when it is written again; nothing is fresh for longer than there are seconds;
//! a reference is of the same host, and has no dot segments.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../plugins/cache/src/directives.rs"]
mod directives;
#[path = "../../plugins/cache/src/entry.rs"]
mod entry;
#[path = "../../plugins/cache/src/fields.rs"]
mod fields;
#[path = "../../plugins/cache/src/freshness.rs"]
mod freshness;
#[path = "../../plugins/cache/src/target.rs"]
mod target;
#[path = "../../plugins/cache/src/vary.rs"]
mod vary;

use directives::{FOREVER, OfRequest, OfResponse};
use entry::{Entry, Stored};
use fields::Fields;
use libfuzzer_sys::fuzz_target;
use target::Target;
use torana_fuzz::lines;

fuzz_target!(|data: &[u8]| {
    read(data);
    let Some([control, expires, age, date, vary, reference]) = lines(data) else { return };
    let fields: Fields =
        [("expires", expires), ("age", age), ("date", date), ("vary", vary)].into_iter().collect();
    let control = [control.to_owned()];
    OfRequest::read(&control, &control);
    let said = freshness::said(&fields, &OfResponse::read(&control), 784_111_777);
    assert!(said <= Some(FOREVER));
    freshness::age_at_arrival(&fields, 784_111_777_000, 784_111_778_000);
    if let Some(names) = vary::names([vary]) {
        assert!(!names.contains("*"));
    }
    resolve(reference);
});

/// What is stored has a version and a length before it, which few inputs have: they are put there.
fn read(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let stored = [&[1][..], &(end as u32).to_le_bytes(), data].concat();
    match Stored::read(&stored) {
        Some(Stored::Entry(entry)) => {
            let again = Entry::write(&entry.head, &entry.body);
            assert_eq!(Stored::read(&again), Some(Stored::Entry(entry)));
        }
        Some(Stored::Index(index)) => {
            assert_eq!(Stored::read(&index.write()), Some(Stored::Index(index)));
        }
        None => {}
    }
}

fn resolve(reference: &str) {
    let target = Target {
        scheme: "http".into(),
        authority: "a.example".into(),
        path: "/b/c".into(),
        query: None,
    };
    if let Some(other) = target.resolve(reference) {
        assert_eq!((&other.scheme, &other.authority), (&target.scheme, &target.authority));
        assert!(other.path.starts_with('/'));
        assert!(!other.path.split('/').any(|segment| matches!(segment, "." | "..")));
    }
}
