//! Takes members off each item of a JSON response: as an Envoy filter, written against the proxy-wasm
//! ABI 0.2.1 (github.com/proxy-wasm/spec).

use std::ptr::{null_mut, slice_from_raw_parts_mut};

use serde_json::Value;

/// What goes.
const MEMBERS: [&str; 2] = ["internal", "images"];

const RESPONSE_HEADERS: u32 = 2;
const RESPONSE_BODY: u32 = 1;
const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        from: usize,
        most: usize,
        bytes: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        from: usize,
        replaced: usize,
        bytes: *const u8,
        size: usize,
    ) -> u32;
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// The host puts a body that was asked for here.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Box::leak(vec![0_u8; size].into_boxed_slice()).as_mut_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(_context: u32, _parent: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(_context: u32, _count: u32, _end: u32) -> u32 {
    let name = "content-length";
    // SAFETY: the host reads the name during the call.
    unsafe { proxy_remove_header_map_value(RESPONSE_HEADERS, name.as_ptr(), name.len()) };
    CONTINUE
}

/// Paused until the whole body is there.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(_context: u32, size: usize, end: u32) -> u32 {
    if end == 0 {
        return PAUSE;
    }
    if let Some(shaped) = body(size).as_deref().and_then(shape) {
        // SAFETY: the host reads the bytes during the call.
        unsafe { proxy_set_buffer_bytes(RESPONSE_BODY, 0, size, shaped.as_ptr(), shaped.len()) };
    }
    CONTINUE
}

fn shape(text: &[u8]) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(text).ok()?;
    for item in document.get_mut("items")?.as_array_mut()? {
        let item = item.as_object_mut()?;
        for member in MEMBERS {
            item.remove(member);
        }
    }
    serde_json::to_vec(&document).ok()
}

fn body(most: usize) -> Option<Box<[u8]>> {
    let (mut start, mut size) = (null_mut(), 0);
    // SAFETY: the host writes both, and takes the memory from `proxy_on_memory_allocate`: a boxed slice of
    // `size` bytes that belongs to nobody else.
    unsafe {
        let status = proxy_get_buffer_bytes(RESPONSE_BODY, 0, most, &mut start, &mut size);
        if status != 0 || start.is_null() {
            return None;
        }
        Some(Box::from_raw(slice_from_raw_parts_mut(start, size)))
    }
}
