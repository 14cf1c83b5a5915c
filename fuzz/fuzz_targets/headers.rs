//! The host's header fields, as plugins read and change them: a name and a value a line.
//!
//! What a plugin set is read back; what is the host's, and what is hidden, stays untouched.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../host/src/plugin/host_calls/headers.rs"]
mod headers;

#[path = "../../host/src/fields/mod.rs"]
mod fields;

/// The contract's types, which the host makes from the same file.
mod plugin {
    pub(crate) mod bindings {
        pub(crate) mod types {
            pub(crate) use torana_plugin_sdk::host::{EditError, HeaderError};
        }
    }
}

use fields::Fields;
use headers::{Editor, View};
use http::{HeaderValue, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut map = Fields::new();
    map.insert(header::HOST, HeaderValue::from_static("shop.example"));
    map.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    for line in data.split(|&byte| byte == b'\n').take(300) {
        let end = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
        let name = String::from_utf8_lossy(&line[..end]);
        edit(&mut map, &name, line.get(end + 1..).unwrap_or_default());
    }
    let (host, token) = (map.get(header::HOST), map.get(header::AUTHORIZATION));
    assert_eq!(host.map(HeaderValue::as_bytes), Some(&b"shop.example"[..]));
    assert_eq!(token.map(HeaderValue::as_bytes), Some(&b"Bearer x"[..]));
    let view = View { map: &map, readable: &[] };
    assert!(!view.names().iter().any(|name| matches!(&**name, "authorization" | "cookie")));
    for name in view.names() {
        let _ = view.value(&name);
        assert!(view.values(&name).is_err() || view.bytes(&name).is_err() || !name.is_empty());
    }
});

fn edit(map: &mut Fields, name: &str, value: &[u8]) {
    let is_set =
        Editor { map, writable: &[], has_underscores: true }.set(name, value.to_vec()).is_ok();
    if is_set {
        let read = View { map, readable: &[] }.bytes(name);
        assert!(matches!(read, Ok(Some(read)) if read == value), "`{name}`");
    }
    let is_added =
        Editor { map, writable: &[], has_underscores: true }.add(name, value.to_vec()).is_ok();
    if is_added && is_set {
        assert!(View { map, readable: &[] }.bytes(name).is_err(), "of two values none is chosen");
        let _ = Editor { map, writable: &[], has_underscores: true }.remove(name);
        assert!(matches!(View { map, readable: &[] }.bytes(name), Ok(None)));
        let _ = Editor { map, writable: &[], has_underscores: true }.set(name, value.to_vec());
    }
}
