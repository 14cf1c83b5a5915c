//! The upstreams' side.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, OnceLock},
};

use rustls::{ClientConfig, RootCertStore};

use super::{pem, provider};
use crate::config::{Protocol, UpstreamTls};

/// How to speak TLS to an upstream: its roots, our identity, and the protocols to offer.
pub fn client_config(tls: &UpstreamTls, protocol: Protocol) -> Result<Arc<ClientConfig>, String> {
    let roots = match &tls.ca {
        Some(path) => Arc::new(pem::roots(path)?),
        None => system_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_root_certificates(roots);
    let mut config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            builder.with_client_auth_cert(pem::chain(cert)?, pem::key(key)?).map_err(|why| {
                let (cert, key) = (cert.display(), key.display());
                format!("`{cert}` and `{key}` do not make an identity: {why}")
            })?
        }
    };
    config.alpn_protocols = match protocol {
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::H2 => vec![b"h2".to_vec()],
        Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(Arc::new(config))
}

/// Changes when a file that `tls` names changes, so that a renewed certificate is noticed although
/// the settings are the same.
pub fn fingerprint(tls: &UpstreamTls) -> u64 {
    let mut hasher = DefaultHasher::new();
    let identity = tls.identity.iter().flat_map(|(cert, key)| [cert, key]);
    for path in tls.ca.iter().chain(identity) {
        fs::read(path).ok().hash(&mut hasher);
    }
    hasher.finish()
}

/// The system's roots, read once in the process's life: they are some 150 files on Debian.
fn system_roots() -> Result<Arc<RootCertStore>, String> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(roots.clone());
    }
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let why = found.errors.first().map(|why| format!(" ({why})")).unwrap_or_default();
        return Err(format!(
            "this system has no root certificates{why}: install `ca-certificates`, or name a PEM \
             file of roots as `ca`"
        ));
    }
    Ok(ROOTS.get_or_init(|| Arc::new(roots)).clone())
}
