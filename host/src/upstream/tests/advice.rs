//! What the log says to do where a service does not speak as the file says it does.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{
    config::UpstreamTls,
    tls::{self, testing::Authority},
};

/// Why a request to it fails.
async fn refusal(settings: config::Upstream) -> String {
    let upstream = build(settings);
    match upstream.send(get("/"), soon()).await {
        Ok(response) => panic!("it answered {}", response.head.status),
        Err(why) => why.to_string(),
    }
}

/// A service that says this to whoever connects; where that is nothing it closes.
async fn saying(bytes: &'static [u8]) -> SocketAddr {
    let service = Service::start().await;
    let address = service.address();
    tokio::spawn(async move {
        loop {
            let mut peer = service.accept().await;
            let _ = peer.0.read(&mut [0; 1024]).await;
            let _ = peer.0.write_all(bytes).await;
            if !bytes.is_empty() {
                tokio::spawn(async move { peer.closed().await });
            }
        }
    });
    address
}

/// A service over TLS.
async fn with_tls(certificate: config::Certificate) -> SocketAddr {
    let service = Service::start().await;
    let address = service.address();
    let acceptor: TlsAcceptor = tls::server_config(&[certificate], None).unwrap().into();
    tokio::spawn(async move {
        loop {
            let Peer(stream) = service.accept().await;
            let _ = acceptor.accept(stream).await;
        }
    });
    address
}

/// A certificate that nobody else has issued.
fn of_itself(folder: &Path) -> config::Certificate {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "of itself");
    let private = KeyPair::generate().unwrap();
    let (cert, key) = (folder.join("a.pem"), folder.join("a.key"));
    std::fs::write(&cert, params.self_signed(&private).unwrap().pem()).unwrap();
    std::fs::write(&key, private.serialize_pem()).unwrap();
    let span = Span::default();
    config::Certificate { span, cert_span: span, key_span: span, cert, key }
}

const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn tls_where_there_is_none_and_none_where_there_is() {
    let authority = Authority::new();
    let tls = Some(UpstreamTls { ca: Some(authority.path()), ..UpstreamTls::default() });
    let plain = config::Upstream { tls, ..settings(&[saying(BAD_REQUEST).await]) };
    let said = refusal(plain).await;
    assert!(said.contains("take `tls` out"), "{said}");
    let secure = with_tls(authority.issue(&["127.0.0.1"])).await;
    let said = refusal(settings(&[secure])).await;
    assert!(said.contains("it speaks TLS: add `tls`"), "{said}");
    let said = refusal(settings(&[saying(b"").await])).await;
    assert!(said.ends_with("if the service speaks TLS at this port, add `tls`"), "{said}");
}

#[tokio::test]
async fn another_version_of_http() {
    let of = async |protocol, bytes| {
        refusal(config::Upstream { protocol, ..settings(&[saying(bytes).await]) }).await
    };
    let said = of(Protocol::H2, BAD_REQUEST).await;
    assert!(said.contains("set `protocol = \"http/1.1\"`"), "{said}");
    let said = of(Protocol::Http1, b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64").await;
    assert!(said.contains("set `protocol = \"h2\"`"), "{said}");
}

#[tokio::test]
async fn a_certificate_that_does_not_hold() {
    let authority = Authority::new();
    let of = async |certificate, ca: &Authority| {
        let tls = Some(UpstreamTls { ca: Some(ca.path()), ..UpstreamTls::default() });
        refusal(config::Upstream { tls, ..settings(&[with_tls(certificate).await]) }).await
    };
    let said = of(authority.issue(&["127.0.0.1"]), &Authority::new()).await;
    assert!(said.contains("BadSignature; set `tls.ca`"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let said = of(of_itself(folder.path()), &authority).await;
    assert!(said.contains("UnknownIssuer; set `tls.ca`"), "{said}");
    let said = of(authority.issue(&["service.internal"]), &authority).await;
    assert!(said.contains("set `tls.sni`"), "{said}");
    let as_ca = authority.issue_with(&["127.0.0.1"], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let said = of(as_ca, &authority).await;
    assert!(said.contains("it shows the certificate of a CA as its own"), "{said}");
    let old = authority.issue_with(&["127.0.0.1"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 2, 3);
    });
    let said = of(old, &authority).await;
    assert!(said.contains("the service has to renew it"), "{said}");
}
