//! Public keys in PEM (RFC 7468, 13): a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7), as `openssl pkey
//! -pubout` writes it.
//!
//! Just so much DER is read as tells the kinds of keys apart and measures RSA keys; the host's
//! library reads the key itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use torana_plugin_sdk::host::{PublicKey, RsaComponents};

use crate::key::{Kind, check_rsa};

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Object identifiers, as DER writes them (RFC 3279, 2.3; RFC 5480, 2.1.1; RFC 8410, 3).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Reads a public key. The error says what to write instead.
pub(crate) fn read(text: &str) -> Result<(Kind, PublicKey), String> {
    let key_info = contents(text)?;
    let broken = || "the key is broken: it is no SubjectPublicKeyInfo".to_owned();
    let KeyInfo { algorithm, curve, key } = KeyInfo::read(&key_info).ok_or_else(broken)?;
    match (algorithm, curve) {
        (RSA, _) => {
            let (modulus, exponent) = rsa_numbers(key).ok_or_else(broken)?;
            check_rsa(modulus, exponent)?;
            let (modulus, exponent) = (modulus.to_vec(), exponent.to_vec());
            Ok((Kind::Rsa, PublicKey::Rsa(RsaComponents { modulus, exponent })))
        }
        (EC, Some(P256)) if key.len() == 65 => Ok((Kind::P256, PublicKey::Der(key.to_vec()))),
        (EC, Some(P384)) if key.len() == 97 => Ok((Kind::P384, PublicKey::Der(key.to_vec()))),
        (ED25519, None) if key.len() == 32 => Ok((Kind::Ed25519, PublicKey::Der(key.to_vec()))),
        _ => Err(
            "this kind of key is not supported: there are RSA, P-256, P-384 (uncompressed) and \
                  Ed25519"
                .into(),
        ),
    }
}

fn contents(text: &str) -> Result<Vec<u8>, String> {
    if text.contains("PRIVATE KEY") {
        return Err("this key is private: write its public half (openssl pkey -pubout)".into());
    }
    let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    let body = body.ok_or_else(|| format!("write one public key, from `{BEGIN}` to `{END}`"))?;
    let digits: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(digits).map_err(|error| format!("the key is not base64: {error}"))
}

/// A SubjectPublicKeyInfo.
struct KeyInfo<'a> {
    algorithm: &'a [u8],
    curve: Option<&'a [u8]>,
    key: &'a [u8],
}

impl<'a> KeyInfo<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (key_info, after) = element(SEQUENCE, der)?;
        let (identifier, key) = element(SEQUENCE, key_info)?;
        let (bits, after_key) = element(BIT_STRING, key)?;
        let (algorithm, parameters) = element(OBJECT_IDENTIFIER, identifier)?;
        let curve = element(OBJECT_IDENTIFIER, parameters).map(|(curve, _)| curve);
        // The first byte counts the bits of the last one that are unused: none, in a key.
        let key = bits.strip_prefix(&[0])?;
        let is_whole = after.is_empty() && after_key.is_empty();
        is_whole.then_some(Self { algorithm, curve, key })
    }
}

/// Modulus and exponent of an RSAPublicKey (RFC 8017, A.1.1), without leading zeros.
fn rsa_numbers(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (numbers, after) = element(SEQUENCE, key)?;
    let (modulus, numbers) = element(INTEGER, numbers)?;
    let (exponent, after_exponent) = element(INTEGER, numbers)?;
    let is_whole = after.is_empty() && after_exponent.is_empty();
    is_whole.then_some((without_sign(modulus), without_sign(exponent)))
}

/// DER puts a zero before a number whose first bit is set, for else it would be negative.
fn without_sign(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// The contents of the element at the beginning, and what comes after it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        // No key is that long.
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
    }

    /// RFC 8410, 10.1.
    const ED25519_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
                               MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                               -----END PUBLIC KEY-----\n";

    #[test]
    fn the_key_of_the_rfc_is_read() {
        let (kind, key) = read(ED25519_KEY).unwrap();
        assert_eq!(kind, Kind::Ed25519);
        let PublicKey::Der(key) = key else { panic!("{key:?}") };
        assert_eq!((key.len(), key[0], key[31]), (32, 0x19, 0xe1));
        assert!(read(&ED25519_KEY.replace('\n', "\r\n")).is_ok());
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        let broken = |text: &str| read(text).unwrap_err();
        assert!(broken("").contains("write one public key"));
        assert!(broken(&ED25519_KEY.repeat(2)).contains("base64"));
        assert!(broken(&ED25519_KEY.replace("PUBLIC", "PRIVATE")).contains("private"));
        assert!(broken(&ED25519_KEY.replace("PUBLIC KEY", "CERTIFICATE")).contains("write one"));
        assert!(broken(&pem(&[])).contains("no SubjectPublicKeyInfo"));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let body = ED25519_KEY.lines().nth(1).unwrap();
        let good = STANDARD.decode(body).unwrap();
        for length in 0..good.len() {
            assert!(read(&pem(&good[..length])).is_err(), "cut at {length}");
        }
        for at in 0..12 {
            for byte in 0..=255 {
                let mut changed = good.clone();
                changed[at] = byte;
                let still_good = read(&pem(&changed)).is_ok();
                assert!(!still_good || changed == good, "byte {at} is {byte}");
            }
        }
        assert!(read(&pem(&[&good[..], &[0]].concat())).is_err(), "something after it");
    }
}
