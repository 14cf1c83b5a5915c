//! Content codings (RFC 9110, 8.4): plugins see bodies without, whole ones under a cap.

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::io::AsyncReadExt as _;

use super::{Body, BodyError};

use crate::fields::Fields;

/// The type of a message that is a stream by nature: nobody can wait for its end.
pub fn endless(headers: &Fields) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let kind = kind.split(';').next()?.trim();
    let is_stream = kind == "text/event-stream"
        || kind == "application/grpc"
        || kind.starts_with("application/grpc+");
    is_stream.then(|| kind.to_owned())
}

/// All of a body, decoded; its head says so afterwards. Trailers are not kept: whoever reads a body whole
/// writes it with a length.
pub async fn whole(body: Body, cap: u64, headers: &mut Fields) -> Result<Bytes, BodyError> {
    let bytes = body.collect(cap).await?;
    headers.remove(header::TRAILER);
    let codings = codings(headers)?;
    if codings.is_empty() || bytes.is_empty() {
        return Ok(bytes);
    }
    headers.remove(header::CONTENT_ENCODING);
    decode(bytes, &codings, cap).await
}

/// The body of an answer that was to have no coding, decoded if it has one that is known; its head says
/// so afterwards. Unknown ones stay as they came.
pub async fn unasked(bytes: Bytes, cap: u64, headers: &mut Fields) -> Result<Bytes, BodyError> {
    let codings = codings(headers).unwrap_or_default();
    if codings.is_empty() || bytes.is_empty() {
        return Ok(bytes);
    }
    headers.remove(header::CONTENT_ENCODING);
    mend_head(headers);
    decode(bytes, &codings, cap).await
}

/// Undoes content codings, the last applied first. The cap holds for what comes out: a small body
/// that swells is refused where it passes the cap.
pub async fn decode(bytes: Bytes, codings: &[String], cap: u64) -> Result<Bytes, BodyError> {
    let mut bytes = bytes;
    for coding in codings.iter().rev() {
        let mut out = Vec::new();
        let limit = cap.saturating_add(1);
        let input = &bytes[..];
        let read = match coding.as_str() {
            "gzip" | "x-gzip" => {
                let mut decoder = GzipDecoder::new(input);
                // RFC 1952, 2.2: a file is one member or several, one after the other.
                decoder.multiple_members(true);
                decoder.take(limit).read_to_end(&mut out).await
            }
            "br" => BrotliDecoder::new(input).take(limit).read_to_end(&mut out).await,
            "zstd" => {
                let mut decoder = ZstdDecoder::new(input);
                // RFC 8878, 3: frames, one after the other.
                decoder.multiple_members(true);
                decoder.take(limit).read_to_end(&mut out).await
            }
            other => return Err(unknown(other)),
        };
        read.map_err(|error| BodyError::Decode(format!("broken {coding}: {error}")))?;
        if out.len() as u64 > cap {
            return Err(BodyError::TooLarge(cap));
        }
        bytes = out.into();
    }
    Ok(bytes)
}

/// The codings of a body, first applied first. Unknown ones are refused before any work is done.
fn codings(headers: &Fields) -> Result<Vec<String>, BodyError> {
    let mut codings = Vec::new();
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let text = value.to_str().map_err(|_| unknown("?"))?;
        for coding in text.split(',').map(|coding| coding.trim().to_ascii_lowercase()) {
            match coding.as_str() {
                "" | "identity" => {}
                "gzip" | "x-gzip" | "br" | "zstd" => codings.push(coding),
                other => return Err(unknown(other)),
            }
        }
    }
    // Nobody applies more than one; a pile of them is an attack on the decoder.
    if codings.len() > 2 { Err(unknown("too many codings")) } else { Ok(codings) }
}

fn unknown(coding: &str) -> BodyError {
    BodyError::Decode(format!("content coding `{coding}` (gzip, br and zstd are known)"))
}

/// Fields about the bytes of a body, which also stand in trailers (RFC 9530, 2 and 3; RFC 3230).
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// Takes off what is no longer true of a body that has changed.
pub fn mend_trailers(trailers: &mut HeaderMap) {
    for name in DIGESTS {
        trailers.remove(name);
    }
}

/// Makes a head true again after its body may have changed: the length is made anew, a strong
/// validator no longer holds (RFC 9110, 8.8.1), and digests are wrong.
pub fn mend_head(headers: &mut Fields) {
    for name in DIGESTS.into_iter().chain([header::CONTENT_LENGTH, header::ACCEPT_RANGES]) {
        headers.remove(name);
    }
    let weak = headers
        .get(header::ETAG)
        .filter(|tag| !tag.as_bytes().starts_with(b"W/"))
        .and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok());
    if let Some(weak) = weak {
        headers.insert(header::ETAG, weak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn gzip(bytes: &[u8]) -> Bytes {
        use async_compression::tokio::bufread::GzipEncoder;
        let mut out = Vec::new();
        block(GzipEncoder::new(bytes).read_to_end(&mut out)).unwrap();
        out.into()
    }

    #[test]
    fn a_body_of_several_members_is_decoded_to_its_end() {
        let both = [gzip(b"one, "), gzip(b"two")].concat();
        let decoded = block(decode(both.into(), &["gzip".to_owned()], 100)).unwrap();
        assert_eq!(decoded, "one, two");
    }

    #[test]
    fn decodes_under_the_cap_for_what_comes_out() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert!(bomb.len() < 4096);
        let codings = ["gzip".to_owned()];
        assert_eq!(block(decode(bomb.clone(), &codings, 1 << 20)).unwrap().len(), 1 << 20);
        let refused = block(decode(bomb, &codings, (1 << 20) - 1));
        assert!(matches!(refused, Err(BodyError::TooLarge(_))));
    }

    #[test]
    fn a_head_is_true_after_decoding() {
        let mut headers = Fields::new();
        headers.insert("content-encoding", HeaderValue::from_static("gzip"));
        headers.insert("content-length", HeaderValue::from_static("99"));
        headers.insert("etag", HeaderValue::from_static("\"a\""));
        let body = Body::from(gzip(b"hello"));
        assert_eq!(block(whole(body, 100, &mut headers)).unwrap(), "hello");
        mend_head(&mut headers);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["etag"], "W/\"a\"");
    }

    #[test]
    fn unknown_and_piled_codings_are_refused() {
        for value in ["compress", "gzip, gzip, gzip"] {
            let mut headers = Fields::new();
            headers.insert("content-encoding", HeaderValue::from_static(value));
            let body = Body::from(Bytes::from_static(b"x"));
            assert!(matches!(block(whole(body, 9, &mut headers)), Err(BodyError::Decode(_))));
        }
    }
}
