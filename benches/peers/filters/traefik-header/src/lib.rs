//! Refuses requests without `x-api-version: 2`, and sets `x-checked: yes`: as a Traefik plugin, written
//! against the http-wasm handler ABI (http-wasm.io/http-handler-abi).

const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;
/// What `handle_request` says to have the request go on.
const NEXT: u64 = 1;

#[link(wasm_import_module = "http_handler")]
unsafe extern "C" {
    fn get_header_values(
        kind: u32,
        name: *const u8,
        name_size: usize,
        buffer: *mut u8,
        room: usize,
    ) -> u64;
    fn set_header_value(
        kind: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    );
    fn set_status_code(status: u32);
    fn write_body(kind: u32, body: *const u8, size: usize);
}

#[unsafe(no_mangle)]
extern "C" fn handle_request() -> u64 {
    let (name, mut values) = ("x-api-version", [0; 64]);
    // Values end with a zero; the host gives their number and their size.
    // SAFETY: the host reads the name and writes at most 64 bytes during the call.
    let found = unsafe {
        get_header_values(REQUEST, name.as_ptr(), name.len(), values.as_mut_ptr(), values.len())
    };
    if found != 1 << 32 | 2 || values[..2] != *b"2\0" {
        let text = "no such version";
        // SAFETY: the host reads the text during the call.
        unsafe {
            set_status_code(400);
            write_body(RESPONSE, text.as_ptr(), text.len());
        }
        return 0;
    }
    let (name, value) = ("x-checked", "yes");
    // SAFETY: the host reads both during the call.
    unsafe { set_header_value(REQUEST, name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    NEXT
}

#[unsafe(no_mangle)]
extern "C" fn handle_response(_context: u32, _failed: u32) {}
