//! `cors`: an entry of the settings on the first line, an `Origin` on the rest.
//!
//! What a pattern lets in is an origin, of the pattern's scheme and in the pattern's domain.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../plugins/cors/src/origin.rs"]
mod origin;

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use origin::{Allowed, Origins};
use torana_fuzz::lines;

fuzz_target!(|data: &[u8]| {
    let Some([entry, origin]) = lines(data) else { return };
    match Allowed::parse(entry) {
        Ok(Allowed::Any) => assert_eq!(entry, "*"),
        Ok(Allowed::Exact(exact)) => {
            assert_eq!(exact, entry);
            let only = Origins::Listed { exact: BTreeSet::from([exact]), patterns: Vec::new() };
            assert_eq!(only.allow(origin), origin == entry);
        }
        Ok(Allowed::Pattern(pattern)) => {
            let only = Origins::Listed { exact: BTreeSet::new(), patterns: vec![pattern] };
            if only.allow(origin) {
                is_below(entry, origin);
            }
        }
        Err(why) => assert!(!why.is_empty()),
    }
});

fn is_below(entry: &str, origin: &str) {
    let (scheme, domain) = entry.split_once("://*.").expect("a pattern");
    let (own_scheme, host) = origin.split_once("://").expect("an origin");
    assert_eq!(scheme, own_scheme);
    assert_eq!(host.split_once('.').map(|(_, rest)| rest), Some(domain));
    assert!(matches!(Allowed::parse(origin), Ok(Allowed::Exact(_))), "{origin} is no origin");
}
