//! What can be wrong with a message.

use std::fmt;

/// Why bytes are no message of HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The head is not HTTP/1.
    Malformed(httparse::Error),
    /// Fields contradict each other on where the body ends.
    Framing,
    /// A chunk is not what it should be.
    Chunk,
    /// The head has more bytes or fields than it may have, or a trailer section has.
    TooLarge,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => f.write_str(malformed(*why)),
            Self::Framing => f.write_str(
                "where its body ends cannot be told: `Content-Length` is no number or says two, or \
                 `Transfer-Encoding` comes with HTTP/1.0 or does not end in `chunked`",
            ),
            Self::Chunk => f.write_str("its body's chunks are malformed"),
            Self::TooLarge => f.write_str("its head or its trailers are too large"),
        }
    }
}

/// What the parser's words mean.
fn malformed(why: httparse::Error) -> &'static str {
    match why {
        httparse::Error::HeaderName => {
            "its head has a line that does not begin with a field's name and a colon"
        }
        httparse::Error::HeaderValue => "the value of a field has characters that it may not have",
        httparse::Error::NewLine => "its head has a carriage return that ends no line",
        httparse::Error::Version => "its version is neither HTTP/1.1 nor HTTP/1.0",
        httparse::Error::Token | httparse::Error::Status => {
            "its first line is none of HTTP/1, as when TLS is spoken to a port without it"
        }
        httparse::Error::TooManyHeaders => "its head has too many fields",
    }
}
