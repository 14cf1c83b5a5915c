//! Refuses requests without `x-api-version: 2`, and sets `x-checked: yes`: as an Envoy filter, written
//! against the proxy-wasm ABI 0.2.1 (github.com/proxy-wasm/spec).

use std::ptr::null_mut;

const REQUEST_HEADERS: u32 = 0;
const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *mut *mut u8,
        value_size: *mut usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// The host puts a value that was asked for here.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Box::leak(vec![0_u8; size].into_boxed_slice()).as_mut_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(_context: u32, _parent: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(_context: u32, _count: u32, _end: u32) -> u32 {
    if value("x-api-version").as_deref() != Some(b"2") {
        let text = "no such version";
        // SAFETY: the host reads these ranges during the call.
        unsafe {
            let (body, none) = (text.as_ptr(), text.as_ptr());
            proxy_send_local_response(400, none, 0, body, text.len(), none, 0, -1);
        }
        return PAUSE;
    }
    let (name, value) = ("x-checked", "yes");
    // SAFETY: the host reads these ranges during the call.
    unsafe {
        proxy_replace_header_map_value(
            REQUEST_HEADERS,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        );
    }
    CONTINUE
}

/// A request header's value.
fn value(name: &str) -> Option<Box<[u8]>> {
    let (mut start, mut size) = (null_mut(), 0);
    // SAFETY: the host writes both, and takes the memory from `proxy_on_memory_allocate`: a boxed slice of
    // `size` bytes that belongs to nobody else.
    unsafe {
        let status = proxy_get_header_map_value(
            REQUEST_HEADERS,
            name.as_ptr(),
            name.len(),
            &mut start,
            &mut size,
        );
        if status != 0 || start.is_null() {
            return None;
        }
        Some(Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, size)))
    }
}
