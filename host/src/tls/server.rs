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
use crate::config::{Certificate, Span};

/// TLS 1.2 and 1.3 with h2 and HTTP/1.1. The certificate is chosen by SNI, the first one where
/// none fits; with `client_ca`, a file and where it is named, every client must show a certificate from there.
///
/// A certificate that has expired is taken, and shown where there is no other one for the name: whoever is shown it is
/// told so by his own program.
pub fn server_config(
    certificates: &[Certificate],
    client_ca: Option<(&Path, Span)>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let span = certificates.first().map(|first| first.span).unwrap_or_default();
    let error = |message| TlsError { span, message };
    let resolver = BySni::load(certificates)?;
    let clients = match client_ca {
        Some((path, span)) => {
            client_verifier(path).map_err(|message| TlsError { span, message })?
        }
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
    valid: Names,
    /// Those that had expired when they were read.
    expired: Names,
    default: Arc<CertifiedKey>,
}

/// Several for one name where their keys differ in kind (ECDSA beside RSA).
#[derive(Debug, Default)]
struct Names(HashMap<String, Vec<Arc<CertifiedKey>>>);

impl BySni {
    fn load(certificates: &[Certificate]) -> Result<Self, TlsError> {
        let (mut valid, mut expired) = (Names::default(), Names::default());
        let (mut default, mut last_resort) = (None, None);
        let now = SystemTime::now();
        for certificate in certificates {
            let (key, held) = certified_key(certificate)?;
            let is_expired =
                expiry::not_after(&key.cert[0]).is_some_and(|end| end.system_time() < now);
            let (names, first) = match is_expired {
                true => (&mut expired, &mut last_resort),
                false => (&mut valid, &mut default),
            };
            let key = Arc::new(key);
            for name in held {
                names.0.entry(name).or_default().push(key.clone());
            }
            first.get_or_insert(key);
        }
        let default = default.or(last_resort).ok_or_else(|| TlsError {
            span: Default::default(),
            message: "TLS needs at least one certificate".to_owned(),
        })?;
        Ok(Self { valid, expired, default })
    }

    fn find(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.to_ascii_lowercase();
        self.valid.find(&name).or_else(|| self.expired.find(&name))
    }
}

impl Names {
    fn find(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        // A wildcard stands for one whole label (RFC 6125, 6.4.3).
        let wildcard = || format!("*.{}", name.split_once('.').map_or("", |(_, parent)| parent));
        self.0.get(name).or_else(|| self.0.get(&wildcard())).map(Vec::as_slice)
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
fn certified_key(certificate: &Certificate) -> Result<(CertifiedKey, Vec<String>), TlsError> {
    let Certificate { cert, key, span, cert_span, key_span } = certificate;
    let (cert_path, key_path) = (cert.display(), key.display());
    let at = |span: &Span| {
        let span = *span;
        move |message| TlsError { span, message }
    };
    let chain = pem::chain(cert).map_err(at(cert_span))?;
    let names = look_at_leaf(&chain[0])
        .map_err(|why| format!("the first certificate in `{cert_path}` {why}"))
        .map_err(at(cert_span))?;
    let key = provider()
        .key_provider
        .load_private_key(pem::key(key).map_err(at(key_span))?)
        .map_err(|why| format!("the key in `{key_path}` cannot be used: {why}"))
        .map_err(at(key_span))?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|_| {
        at(span)(format!(
            "the key in `{key_path}` does not belong to the certificate in `{cert_path}`: give the \
             key that the certificate was issued for, and put that certificate first in its file"
        ))
    })?;
    Ok((certified, names))
}

/// The names that a certificate holds.
fn look_at_leaf(leaf: &CertificateDer<'_>) -> Result<Vec<String>, String> {
    let names = leaf_names(leaf).map_err(|why| format!("is broken: {why}"))?;
    expiry::not_after(leaf).ok_or("has no readable validity")?;
    Ok(names)
}

fn leaf_names(leaf: &CertificateDer<'_>) -> Result<Vec<String>, webpki::Error> {
    let leaf = webpki::EndEntityCert::try_from(leaf)?;
    Ok(leaf.valid_dns_names().map(str::to_ascii_lowercase).collect())
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
        let (path, issued) = (ours.path(), [ours.issue(&["a.example"])]);
        let server = server_config(&issued, Some((&path, Span::default()))).unwrap();
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

        let error = server_config(&[], None).unwrap_err();
        assert!(error.message.contains("at least one certificate"));
    }

    #[test]
    fn mistakes_are_told_at_their_place() {
        let authority = Authority::new();
        let [entry, cert, key, ca] = [1, 2, 3, 4].map(|start| Span { start, end: 9 });
        let good = Certificate {
            span: entry,
            cert_span: cert,
            key_span: key,
            ..authority.issue(&["one.example"])
        };
        let missing = std::path::PathBuf::from("/nowhere.pem");
        let place = |certificate: Certificate, client_ca: &Path| {
            server_config(&[certificate], Some((client_ca, ca))).unwrap_err().span
        };
        let path = authority.path();
        assert_eq!(place(Certificate { cert: missing.clone(), ..good.clone() }, &path), cert);
        assert_eq!(place(Certificate { key: missing.clone(), ..good.clone() }, &path), key);
        let other = authority.issue(&["two.example"]).key;
        assert_eq!(place(Certificate { key: other, ..good.clone() }, &path), entry);
        assert_eq!(place(good.clone(), &missing), ca);
        // No certificate belongs to a CA's key file here.
        let error = server_config(std::slice::from_ref(&good), Some((&good.key, ca))).unwrap_err();
        assert!(!error.message.contains("swapped"), "{}", error.message);
    }

    #[test]
    fn a_certificate_that_has_expired_keeps_no_other_one_down() {
        let authority = Authority::new();
        let old = authority.issue_with(&["old.example"], |params| {
            params.not_after = rcgen::date_time_ymd(2020, 2, 3);
        });
        assert_eq!(expiry::expiry(&old.cert).unwrap().to_string(), "2020-02-03");
        let server = server_config(&[old, authority.issue(&["new.example"])], None).unwrap();
        assert!(handshake(&server, &trusting(&authority), "new.example").is_ok());
        assert!(handshake(&server, &trusting(&authority), "old.example").is_err());
    }

    #[test]
    fn one_that_has_expired_is_not_shown_where_another_one_fits() {
        let authority = Authority::new();
        let old = authority.issue_with(&["a.wild.example", "old.example"], |params| {
            params.not_after = rcgen::date_time_ymd(2020, 2, 3);
        });
        let (wild, leaf) = (authority.issue(&["*.wild.example"]), pem::chain(&old.cert).unwrap());
        let valid = pem::chain(&wild.cert).unwrap();
        let resolver = BySni::load(&[old.clone(), wild]).unwrap();
        let shown = |name: &str| resolver.find(name).unwrap()[0].cert.clone();
        assert_eq!(shown("a.wild.example"), valid);
        assert_eq!(resolver.default.cert, valid);
        // Alone, it is shown for what it is.
        let resolver = BySni::load(&[old]).unwrap();
        assert_eq!(resolver.find("a.wild.example").unwrap()[0].cert, leaf);
        assert_eq!(resolver.default.cert, leaf);
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
