//! PEM files. A mistake in one is told with the file's name and what to do about it.

use std::{fs, path::Path};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};

/// A certificate chain, leaf first.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    certificates(path, "no certificate: are the two swapped?")
}

/// All certificates of a file. A private key in their place is told as what it is `instead_of`.
fn certificates(path: &Path, instead_of: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(path)?;
    let all = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|why| broken(path, &why))?;
    if all.is_empty() { Err(no_certificate(path, &bytes, instead_of)) } else { Ok(all) }
}

/// A private key: PKCS #8, PKCS #1 or SEC 1.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let bytes = read(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|why| match why {
        pem::Error::NoItemsFound => no_key(path, &bytes),
        other => broken(path, &other),
    })
}

/// Roots that other certificates must come from.
pub(super) fn roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, "no certificate of a CA")? {
        roots.add(certificate).map_err(|why| {
            format!("a certificate in `{}` cannot be a root: {why}", path.display())
        })?;
    }
    Ok(roots)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|why| format!("cannot read `{}`: {why}", path.display()))
}

fn broken(path: &Path, why: &pem::Error) -> String {
    format!("`{}` is not well-formed PEM: {why}", path.display())
}

fn no_certificate(path: &Path, bytes: &[u8], instead_of: &str) -> String {
    let path = path.display();
    if holds(bytes, "PRIVATE KEY-----") {
        return format!("`{path}` holds a private key and {instead_of}");
    }
    format!(
        "`{path}` holds no PEM certificate (`-----BEGIN CERTIFICATE-----`). A DER file is \
         converted by `openssl x509 -inform der -in {path} -out {path}.pem`"
    )
}

fn no_key(path: &Path, bytes: &[u8]) -> String {
    let path = path.display();
    if holds(bytes, "BEGIN ENCRYPTED PRIVATE KEY") {
        return format!(
            "the key in `{path}` is encrypted with a passphrase. Write it without one: \
             `openssl pkey -in {path} -out {path}.plain`"
        );
    }
    if holds(bytes, "BEGIN CERTIFICATE") {
        return format!("`{path}` holds a certificate and no private key: are the two swapped?");
    }
    format!("`{path}` holds no PEM private key (`-----BEGIN PRIVATE KEY-----`)")
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn mistakes_are_told_apart() {
        let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let certificate = file(&made.cert.pem());
        let private = file(&made.signing_key.serialize_pem());
        let neither = file("hello");
        let locked = file(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n",
        );
        let cut = file(&made.cert.pem()[..200]);

        assert_eq!(chain(certificate.path()).unwrap().len(), 1);
        assert!(key(private.path()).is_ok());
        assert!(chain(private.path()).unwrap_err().contains("are the two swapped?"));
        assert!(key(certificate.path()).unwrap_err().contains("are the two swapped?"));
        assert!(chain(neither.path()).unwrap_err().contains("openssl x509 -inform der"));
        assert!(key(neither.path()).unwrap_err().contains("holds no PEM private key"));
        assert!(key(locked.path()).unwrap_err().contains("openssl pkey"));
        assert!(chain(cut.path()).unwrap_err().contains("not well-formed"));
        assert!(
            chain(Path::new("/nowhere.pem")).unwrap_err().contains("cannot read `/nowhere.pem`")
        );
    }
}
