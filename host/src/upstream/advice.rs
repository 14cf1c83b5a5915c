//! What to change in the file where a service does not speak as it is expected to: libraries say what they
//! have seen, and not what to do.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Where a TLS handshake failed.
pub(super) fn of_tls(why: &io::Error) -> Option<&'static str> {
    if why.kind() == io::ErrorKind::UnexpectedEof {
        return Some(
            "it may not speak TLS at this port: take `tls` out, or name the port that does",
        );
    }
    let why = why.get_ref()?.downcast_ref::<Error>()?;
    match why {
        Error::InvalidMessage(_) => {
            Some("what came is no TLS: take `tls` out, or name the port that speaks it")
        }
        Error::InvalidCertificate(why) => of_certificate(why),
        Error::NoApplicationProtocol
        | Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            Some("it does not speak that version of HTTP: change `protocol`")
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            Some("it has no certificate for this name: set `tls.sni` to one that it has")
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            Some("it wants a certificate of its callers: set `tls.cert` and `tls.key`")
        }
        _ => None,
    }
}

fn of_certificate(why: &CertificateError) -> Option<&'static str> {
    match why {
        // (A root of the same name that has another key has signed nothing of it.)
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            Some("set `tls.ca` to a PEM file of the CA that has issued its certificate")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Some("set `tls.sni` to a name that the certificate is for")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Some("the service has to renew it, or the clock of this machine is wrong")
        }
        // (An error of webpki's that rustls has no name for.)
        CertificateError::Other(why) if format!("{why:?}").contains("CaUsedAsEndEntity") => Some(
            "it shows the certificate of a CA as its own: give the service one that a CA has issued, \
             and set `tls.ca` to that CA",
        ),
        _ => None,
    }
}

/// Where an answer to HTTP/1.1 begins with these bytes, and is none.
pub(super) fn of_bytes(read: &[u8]) -> Option<&'static str> {
    match read {
        // An alert (RFC 8446, 5.1).
        [0x15, 0x03, ..] => Some("it speaks TLS: add `tls`"),
        // SETTINGS or GOAWAY on no stream (RFC 9113, 4.1).
        [0, _, _, 4 | 7, _, 0, 0, 0, 0, ..] => Some("it speaks HTTP/2: set `protocol = \"h2\"`"),
        _ => None,
    }
}

/// Where HTTP/2 was answered with what makes no frame: "HTTP" would be one of 4 MB.
pub(super) fn of_http2(why: &h2::Error) -> Option<&'static str> {
    let is_ours = !why.is_remote() && !why.is_io();
    (is_ours && why.reason() == Some(h2::Reason::FRAME_SIZE_ERROR))
        .then_some("it may speak HTTP/1.1 only: set `protocol = \"http/1.1\"`")
}
