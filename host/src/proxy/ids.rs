//! Request ids, and random bits for them.

use std::sync::Arc;

use http::HeaderMap;

/// A trusted proxy's request id if it is a plain one, else a new one.
pub(super) fn request_id(headers: &HeaderMap, trusted: bool) -> Arc<str> {
    let plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= 128
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = || headers.get("x-request-id")?.to_str().ok().filter(plain);
    match trusted.then(given).flatten() {
        Some(id) => id.into(),
        None => {
            let mut id = [0; 32];
            random_digits(&mut id);
            std::str::from_utf8(&id).unwrap_or_default().into()
        }
    }
}

/// Fills with random digits of base 16, a multiple of two of them. Sixteen in a row are never all zero.
pub(super) fn random_digits(digits: &mut [u8]) {
    for digits in digits.chunks_mut(16) {
        for (pair, byte) in digits.chunks_exact_mut(2).zip(random_u64().to_be_bytes()) {
            pair.copy_from_slice(&PAIRS[usize::from(byte)]);
        }
    }
}

/// Each byte in base 16. Two ids for each request were 800 instructions, digit by digit.
static PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Random bits that need not be secret: ids and names.
pub(super) fn random_u64() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    thread_local! {
        // xorshift64*, seeded once for each thread from the hash map's random keys.
        static STATE: std::cell::Cell<u64> = std::cell::Cell::new(
            RandomState::new().build_hasher().finish() | 1
        );
    }
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    })
}
