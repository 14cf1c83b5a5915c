//! Ed25519 keys (RFC 8410), in PEM as `openssl genpkey -algorithm ed25519` and `openssl pkey
//! -pubout` make it.

use std::{fs, path::Path};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject as _};

/// What stands before the 32 bytes of a key in its SubjectPublicKeyInfo.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Verifies signatures.
#[derive(Debug, Clone)]
pub struct PublicKey([u8; 32]);

/// Makes signatures.
pub struct PrivateKey(Ed25519KeyPair);

impl PublicKey {
    /// Reads a PEM file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let pem = pem(path)?;
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(&pem).map_err(|why| {
            format!("`{}` holds no PEM public key (openssl pkey -pubout): {why}", path.display())
        })?;
        let key = spki.as_ref().strip_prefix(&SPKI).and_then(|key| key.try_into().ok());
        let other = || format!("the public key in `{}` is not of Ed25519", path.display());
        key.map(Self).ok_or_else(other)
    }

    /// A short name: the beginning of the key's SHA-256, in hexadecimal.
    pub fn id(&self) -> String {
        hex::encode(&digest(&SHA256, &self.0).as_ref()[..8])
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl PrivateKey {
    /// Reads a PEM file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let pem = pem(path)?;
        let path = path.display();
        let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|why| {
            format!("`{path}` holds no PEM private key (openssl genpkey -algorithm ed25519): {why}")
        })?;
        let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der());
        pair.map(Self).map_err(|_| format!("the private key in `{path}` is not of Ed25519"))
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> Result<PublicKey, String> {
        let bytes = self.0.public_key().as_ref().try_into();
        bytes.map(PublicKey).map_err(|_| "the key has no public half".to_owned())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

fn pem(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|why| format!("cannot read `{}`: {why}", path.display()))
}
