//! The listeners' side.

use std::{collections::HashMap, path::Path, sync::Arc, time::SystemTime};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::Ticketer,
    pki_types::CertificateDer,
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};

use super::{TlsError, expiry, pem, provider};
use crate::config::Certificate;

/// TLS 1.2 and 1.3 with h2 and HTTP/1.1. The certificate is chosen by SNI, the first one where
/// none fits; with `client_ca` every client must show a certificate from there.
pub fn server_config(
    certificates: &[Certificate],
    client_ca: Option<&Path>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let span = certificates.first().map(|first| first.span).unwrap_or_default();
    let error = |message| TlsError { span, message };
    let resolver = BySni::load(certificates)?;
    let clients = match client_ca {
        Some(path) => client_verifier(path).map_err(error)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|why| error(why.to_string()))?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Stateless, so that a session begun at one worker is resumed at another.
    config.ticketer = Ticketer::new().map_err(|why| error(why.to_string()))?;
    Ok(Arc::new(config))
}

fn client_verifier(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let roots = Arc::new(pem::roots(path)?);
    WebPkiClientVerifier::builder_with_provider(roots, provider())
        .build()
        .map_err(|why| format!("`{}` cannot verify clients: {why}", path.display()))
}

/// Certificates by the names they hold, wildcards as they are written: `*.shop.example`.
#[derive(Debug)]
struct BySni {
    /// Several for one name where their keys differ in kind (ECDSA beside RSA).
    names: HashMap<String, Vec<Arc<CertifiedKey>>>,
    default: Arc<CertifiedKey>,
}

impl BySni {
    fn load(certificates: &[Certificate]) -> Result<Self, TlsError> {
        let mut names = HashMap::<String, Vec<_>>::new();
        let mut default = None;
        for certificate in certificates {
            let (key, held) = certified_key(certificate)
                .map_err(|message| TlsError { span: certificate.span, message })?;
            let key = Arc::new(key);
            for name in held {
                names.entry(name).or_default().push(key.clone());
            }
            default.get_or_insert(key);
        }
        let default = default.ok_or_else(|| TlsError {
            span: Default::default(),
            message: "TLS needs at least one certificate".to_owned(),
        })?;
        Ok(Self { names, default })
    }

    fn find(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.to_ascii_lowercase();
        // A wildcard stands for one whole label (RFC 6125, 6.4.3).
        let wildcard = || format!("*.{}", name.split_once('.').map_or("", |(_, parent)| parent));
        self.names.get(&name).or_else(|| self.names.get(&wildcard())).map(Vec::as_slice)
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = hello.server_name().and_then(|name| self.find(name)).unwrap_or_default();
        let usable =
            found.iter().find(|key| key.key.choose_scheme(hello.signature_schemes()).is_some());
        Some(usable.or(found.first()).unwrap_or(&self.default).clone())
    }
}

/// The chain with its key, and the names that the leaf holds.
fn certified_key(certificate: &Certificate) -> Result<(CertifiedKey, Vec<String>), String> {
    let (cert_path, key_path) = (certificate.cert.display(), certificate.key.display());
    let chain = pem::chain(&certificate.cert)?;
    let names = leaf_names(&chain[0])
        .map_err(|why| format!("the first certificate in `{cert_path}` is broken: {why}"))?;
    not_expired(&certificate.cert, &chain[0])?;
    let key = provider()
        .key_provider
        .load_private_key(pem::key(&certificate.key)?)
        .map_err(|why| format!("the key in `{key_path}` cannot be used: {why}"))?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|_| {
        format!(
            "the key in `{key_path}` does not belong to the certificate in `{cert_path}`: give the \
             key that the certificate was issued for, and put that certificate first in its file"
        )
    })?;
    Ok((certified, names))
}

fn leaf_names(leaf: &CertificateDer<'_>) -> Result<Vec<String>, webpki::Error> {
    let leaf = webpki::EndEntityCert::try_from(leaf)?;
    Ok(leaf.valid_dns_names().map(str::to_ascii_lowercase).collect())
}

fn not_expired(path: &Path, leaf: &CertificateDer<'_>) -> Result<(), String> {
    let path = path.display();
    let end = expiry::not_after(leaf)
        .ok_or_else(|| format!("the first certificate in `{path}` has no readable validity"))?;
    if end.system_time() < SystemTime::now() {
        return Err(format!("the certificate in `{path}` expired on {end}: renew it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConnection, ServerConnection, pki_types::ServerName};

    use super::*;
    use crate::{
        config::{Protocol, UpstreamTls},
        tls::{client_config, testing::Authority},
    };

    /// Shakes hands in memory; gives what the client saw of the server's certificate.
    fn handshake(
        server: &Arc<ServerConfig>,
        client: &UpstreamTls,
        name: &str,
    ) -> Result<CertificateDer<'static>, rustls::Error> {
        let config = client_config(client, Protocol::Auto).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(config, name).unwrap();
        let mut server = ServerConnection::new(server.clone()).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        assert_eq!(client.alpn_protocol(), Some(&b"h2"[..]));
        Ok(client.peer_certificates().unwrap()[0].clone())
    }

    fn trusting(authority: &Authority) -> UpstreamTls {
        UpstreamTls { ca: Some(authority.path()), ..UpstreamTls::default() }
    }

    #[test]
    fn sni_chooses_the_certificate() {
        let authority = Authority::new();
        let certificates = [
            authority.issue(&["first.example", "also.first.example"]),
            authority.issue(&["*.wild.example"]),
            authority.issue(&["exact.wild.example"]),
        ];
        let server = server_config(&certificates, None).unwrap();
        let seen = |name: &str| handshake(&server, &trusting(&authority), name);
        let leaf = |index: usize| pem::chain(&certificates[index].cert).unwrap().remove(0);

        assert_eq!(seen("first.example").unwrap(), leaf(0));
        assert_eq!(seen("also.first.example").unwrap(), leaf(0));
        assert_eq!(seen("a.wild.example").unwrap(), leaf(1));
        assert_eq!(seen("exact.wild.example").unwrap(), leaf(2));
        // Neither two labels nor none are one; the default does not fit, and the client says so.
        assert!(seen("a.b.wild.example").is_err());
        assert!(seen("wild.example").is_err());
    }

    #[test]
    fn clients_must_come_from_the_client_ca() {
        let (ours, theirs) = (Authority::new(), Authority::new());
        let server = server_config(&[ours.issue(&["a.example"])], Some(&ours.path())).unwrap();
        let with = |identity| UpstreamTls { identity, ..trusting(&ours) };
        let identity = |from: &Authority| {
            let certificate = from.issue(&["client.example"]);
            Some((certificate.cert, certificate.key))
        };
        assert!(handshake(&server, &with(identity(&ours)), "a.example").is_ok());
        assert!(handshake(&server, &with(identity(&theirs)), "a.example").is_err());
        assert!(handshake(&server, &with(None), "a.example").is_err());
    }

    #[test]
    fn mistakes_are_named() {
        let authority = Authority::new();
        let (one, two) = (authority.issue(&["one.example"]), authority.issue(&["two.example"]));
        let crossed = Certificate { key: two.key, ..one.clone() };
        let error = server_config(&[one, crossed], None).unwrap_err();
        assert!(error.message.contains("does not belong to the certificate"), "{}", error.message);

        let old = authority.issue_with(&["old.example"], |params| {
            params.not_after = rcgen::date_time_ymd(2020, 2, 3);
        });
        let error = server_config(&[old], None).unwrap_err();
        assert!(error.message.ends_with("expired on 2020-02-03: renew it"), "{}", error.message);

        let error = server_config(&[], None).unwrap_err();
        assert!(error.message.contains("at least one certificate"));
    }

    #[test]
    fn sessions_are_resumed() {
        let authority = Authority::new();
        let server = server_config(&[authority.issue(&["a.example"])], None).unwrap();
        let client = client_config(&trusting(&authority), Protocol::Http1).unwrap();
        let connect = || {
            let name = ServerName::try_from("a.example").unwrap();
            let mut client = ClientConnection::new(client.clone(), name).unwrap();
            let mut server = ServerConnection::new(server.clone()).unwrap();
            // Some turns more than a handshake takes: tickets follow it.
            for _ in 0..4 {
                let mut wire = Vec::new();
                while client.write_tls(&mut wire).unwrap() > 0 {}
                let mut rest = wire.as_slice();
                while server.read_tls(&mut rest).unwrap() > 0 {}
                server.process_new_packets().unwrap();
                let mut wire = Vec::new();
                while server.write_tls(&mut wire).unwrap() > 0 {}
                let mut rest = wire.as_slice();
                while client.read_tls(&mut rest).unwrap() > 0 {}
                client.process_new_packets().unwrap();
            }
            server.handshake_kind().unwrap()
        };
        assert_eq!(connect(), rustls::HandshakeKind::Full);
        assert_eq!(connect(), rustls::HandshakeKind::Resumed);
    }
}
