//! The host's normal form of a path: any request target.
//!
//! It is a fixed point, and no decoding leads out of it.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../host/src/router/path.rs"]
mod path;

use libfuzzer_sys::fuzz_target;
use path::{NormalPath, Slashes};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // What the parser of HTTP takes for a path.
    let target = format!("/{text}");
    let Ok(uri) = target.parse::<http::Uri>() else { return };
    for slashes in [Slashes::Merged, Slashes::Kept] {
        hold(uri.path(), slashes);
    }
});

fn hold(path: &str, slashes: Slashes) {
    let Ok(path) = NormalPath::of(path, slashes) else { return };
    for form in [&path.encoded, &path.decoded] {
        assert!(form.starts_with('/'), "{form}");
        assert!(!form.contains(['\\', '\0']), "{form}");
        assert!(!form.split('/').any(|segment| matches!(segment, "." | "..")), "{form}");
        assert!(slashes == Slashes::Kept || !form.contains("//"), "{form}");
    }
    let segments = |path: &str| path.split('/').count();
    assert_eq!(segments(&path.encoded), segments(&path.decoded), "{path:?}");
    assert_eq!(NormalPath::of(&path.encoded, slashes).as_ref(), Ok(&path), "{path:?}");
    let again = path.encoded.parse::<http::Uri>().expect("it is forwarded");
    assert_eq!(again.path(), path.encoded);
}
