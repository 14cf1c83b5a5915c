//! Bodies on their way through: streamed, whole, or made here.

pub mod coding;
mod tap;

pub use tap::{Tap, Tapped, is_last};

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// A message body.
#[derive(Default)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// Bytes that are all there.
    Full(Bytes),
    /// From a stream of HTTP/2.
    Stream(Incoming),
    /// Anything else: watched, decoded, transformed.
    Boxed(Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError> + Send>>),
}

/// Why a body ended before its end.
#[derive(Debug)]
pub enum BodyError {
    /// The peer went away or broke the framing.
    Aborted(String),
    /// Nothing came for too long.
    Timeout,
    /// Its exchange has had all of its time.
    Deadline {
        /// For how long nothing had come by then.
        silent: Duration,
    },
    /// It is a response, and the body of its request broke off like this.
    Request(Box<BodyError>),
    /// More than the cap, which is given in bytes.
    TooLarge(u64),
    /// It could not be decoded (Content-Encoding).
    Decode(String),
    /// A plugin failed while the body passed through it.
    Plugin {
        /// Which, and why: for the log.
        why: String,
        /// What the plugin has to say to the client; may be empty.
        client: String,
        /// What its `on_error` says, where there is still somebody to tell.
        status: u16,
        /// Its place in the chain.
        at: usize,
    },
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Aborted(why) => write!(f, "the body broke off: {why}"),
            Self::Timeout => f.write_str("nothing of the body came for too long"),
            Self::Deadline { silent } if silent.is_zero() => {
                f.write_str("the body takes longer than its exchange may")
            }
            Self::Deadline { silent } => {
                write!(
                    f,
                    "the body takes longer than its exchange may; nothing came for {silent:?}"
                )
            }
            Self::Request(why) => write!(f, "the request broke off: {why}"),
            Self::TooLarge(cap) => write!(f, "the body is longer than {cap} bytes"),
            Self::Decode(why) => write!(f, "the body cannot be decoded: {why}"),
            Self::Plugin { why, .. } => write!(f, "a plugin failed on the body: {why}"),
        }
    }
}

impl std::error::Error for BodyError {}

impl Body {
    /// Boxes any body.
    pub fn boxed(body: impl HttpBody<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self::Boxed(Box::pin(body))
    }

    /// All of the body, at most `cap` bytes. The length that the head announced is refused before
    /// a byte is read.
    pub async fn collect(mut self, cap: u64) -> Result<Bytes, BodyError> {
        if self.size_hint().lower() > cap {
            return Err(BodyError::TooLarge(cap));
        }
        if let Self::Full(bytes) = self {
            return Ok(bytes);
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(frame) = self.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if (first.len() + all.len() + data.len()) as u64 > cap {
                return Err(BodyError::TooLarge(cap));
            }
            // A body of one frame, which is most of them, is not copied.
            if first.is_empty() && all.is_empty() {
                first = data;
                continue;
            }
            if !first.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Stream(stream) => poll_stream(stream, cx),
            Self::Boxed(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream(incoming) => incoming.is_end_stream(),
            Self::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(incoming) => incoming.size_hint(),
            Self::Boxed(body) => body.size_hint(),
        }
    }
}

/// What comes next of a body over HTTP/2. hyper takes a stream that is reset with NO_ERROR, or ends
/// with its connection in good order, for one that has ended: a part would be taken for the whole.
/// It has ended where END_STREAM was (RFC 9113, 8.1).
pub fn poll_stream(
    stream: &mut Incoming,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    let frame = ready!(Pin::new(&mut *stream).poll_frame(cx));
    Poll::Ready(match frame {
        None if !stream.is_end_stream() => {
            Some(Err(BodyError::Aborted("the stream was closed before its end".to_owned())))
        }
        frame => frame.map(|f| f.map_err(|e| BodyError::Aborted(with_sources(&e)))),
    })
}

/// An error with its sources, in one line: hyper's own text names only the outermost.
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    struct Frames(Vec<&'static str>);

    impl HttpBody for Frames {
        type Data = Bytes;
        type Error = BodyError;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            if self.0.is_empty() {
                return Poll::Ready(None);
            }
            let next = self.0.remove(0);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(next.as_bytes())))))
        }
    }

    #[test]
    fn collects_up_to_its_cap() {
        let body = || Body::boxed(Frames(vec!["ab", "cd", "e"]));
        assert_eq!(block(body().collect(5)).unwrap(), "abcde");
        assert!(matches!(block(body().collect(4)), Err(BodyError::TooLarge(4))));
        assert!(matches!(
            block(Body::from(Bytes::from_static(b"abc")).collect(2)),
            Err(BodyError::TooLarge(2))
        ));
    }
}
