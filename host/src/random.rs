//! Random bits that need not be secret, and how they are written.

/// Fills with random digits of base 16, a multiple of sixteen of them. Sixteen in a row are never all zero.
pub fn random_digits(digits: &mut [u8]) {
    for sixteen in digits.chunks_exact_mut(16) {
        sixteen.copy_from_slice(&sixteen_digits(random_u64()));
    }
}

/// A number in base 16, in 16 digits.
pub fn sixteen_digits(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    let (upper, lower) = digits.split_at_mut(8);
    upper.copy_from_slice(&eight_digits((number >> 32) as u32));
    lower.copy_from_slice(&eight_digits(number as u32));
    digits
}

/// A number in base 16. All digits at once, each in a byte of its own: the two ids of a request were 800 instructions
/// digit by digit, and 440 with a table of pairs.
fn eight_digits(number: u32) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut digits = u64::from(number);
    digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff;
    digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff;
    digits = (digits | digits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // 6 more than a digit is 16 or more where it is a letter.
    let letters = (digits + 6 * EACH) >> 4 & EACH;
    let to_letter = u64::from(b'a' - 10 - b'0');
    (digits + u64::from(b'0') * EACH + letters * to_letter).to_be_bytes()
}

/// Random bits that need not be secret: ids, names, and who of many. Never 0.
pub fn random_u64() -> u64 {
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

#[cfg(test)]
mod tests {
    use super::{eight_digits, sixteen_digits};

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 1, 0x0123_4567, 0x89ab_cdef, 0xffff_ffff, 0xa0a0_9090] {
            assert_eq!(eight_digits(number), format!("{number:08x}").as_bytes());
            let twice = u64::from(number) << 32 | u64::from(number);
            assert_eq!(sixteen_digits(twice), format!("{twice:016x}").as_bytes());
        }
    }
}
