//! The encodings of keys and tokens: base64url, PEM, and as much of DER as an RSA key needs.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// As in every part of a token (RFC 7515, section 2).
pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A public key as the text that people pass around (RFC 7468).
pub(super) fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines: Vec<_> =
        encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017, A.1.1), big-endian, no leading zeros.
pub(super) fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, []) = element(0x30, der)? else { return None };
    let (modulus, rest) = element(0x02, sequence)?;
    let (exponent, []) = element(0x02, rest)? else { return None };
    Some((without_sign(modulus), without_sign(exponent)))
}

/// The content of the element with this tag, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk()?;
    if found != tag {
        return None;
    }
    // Up to 127 the length itself; above, the number of bytes that hold it.
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*bytes)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// An INTEGER whose first bit is set has a zero byte before it, or it would be negative.
fn without_sign(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_key_is_two_numbers() {
        assert_eq!(
            rsa_numbers(b"\x30\x09\x02\x02\x00\xc1\x02\x03\x01\x00\x01"),
            Some((&[0xc1_u8][..], &[1_u8, 0, 1][..]))
        );
    }

    #[test]
    fn anything_else_is_none() {
        for der in [
            b"".as_slice(),
            b"\x30",
            b"\x30\x82\x01",
            b"\x30\x09\x02\x02\x00\xc1\x02\x03\x01\x00",
            b"\x30\x09\x02\x02\x00\xc1\x02\x03\x01\x00\x01\x00",
            b"\x31\x09\x02\x02\x00\xc1\x02\x03\x01\x00\x01",
        ] {
            assert_eq!(rsa_numbers(der), None, "{der:x?}");
        }
    }

    #[test]
    fn a_pem_has_lines_of_64() {
        let pem = pem(&[0; 50]);
        let lines: Vec<_> = pem.lines().collect();
        assert_eq!(lines[0], "-----BEGIN PUBLIC KEY-----");
        assert_eq!(lines[1], "A".repeat(64));
        assert_eq!(lines[2], "AAA=");
        assert_eq!(lines[3], "-----END PUBLIC KEY-----");
    }
}
