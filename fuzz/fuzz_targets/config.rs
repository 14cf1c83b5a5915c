//! The host's TOML: any text.
//!
//! It is accepted, or all that is wrong with it is shown at its place.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../host/src/config/mod.rs"]
mod config;
#[path = "../../host/src/fields/mod.rs"]
mod fields;

use std::{path::PathBuf, sync::Arc};

use config::{Config, LoadOptions, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // `{ file = "/dev/stdin" }` would wait for somebody to type.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let options = LoadOptions {
        components: Some(PathBuf::from("/nowhere/components")),
        environment: Arc::new(|name| (name.len() == 1).then(|| name.into())),
        locked: false,
        develop: false,
    };
    let source = Arc::new(Source::new("/nowhere/gateway.toml", text));
    let diagnostics = match Config::parse(source.clone(), &options) {
        Ok((_, warnings)) => {
            assert!(!warnings.has_errors());
            warnings
        }
        Err(rejected) => {
            assert!(rejected.diagnostics.has_errors());
            rejected.diagnostics
        }
    };
    for diagnostic in diagnostics.iter() {
        assert!(!diagnostic.message.is_empty());
        if let Some(span) = diagnostic.span {
            assert!(span.start <= span.end && span.end <= source.text.len(), "{diagnostic:?}");
        }
    }
    let shown = diagnostics.render(&source, false);
    assert_eq!(shown.is_empty(), diagnostics.is_empty());
});
