//! What can go wrong on a connection.

use std::{fmt, io};

use super::{
    chunks::LONGEST as LONGEST_SECTION,
    response::{LONGEST as LONGEST_HEAD, MOST_FIELDS},
};

/// Why there is no response, or no more of it.
#[derive(Debug)]
pub(crate) enum Error {
    /// The connection ended before a response came.
    Closed,
    /// It ended within a response.
    Incomplete,
    Io(io::Error),
    /// The head is not HTTP/1.
    Malformed(httparse::Error),
    /// Fields contradict each other on where the body ends.
    Framing,
    /// A chunk is not what it should be.
    Chunk,
    /// The head, or a trailer section, is longer than anybody's.
    TooLarge,
    /// The body of the request broke off.
    Request(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed before a response came"),
            Self::Incomplete => f.write_str("the connection was closed within the response"),
            Self::Io(why) => write!(f, "{why}"),
            Self::Malformed(why) => write!(f, "what came is no HTTP/1 response: {why}"),
            Self::Framing => f.write_str(
                "where its body ends cannot be told: `Content-Length` is no number or says two, or \
                 `Transfer-Encoding` comes with HTTP/1.0",
            ),
            Self::Chunk => f.write_str("the body's chunks are malformed"),
            Self::TooLarge => write!(
                f,
                "its head has more than {} KiB or {MOST_FIELDS} fields, or its trailers more than {} KiB",
                LONGEST_HEAD >> 10,
                LONGEST_SECTION >> 10
            ),
            Self::Request(why) => write!(f, "the body of the request broke off: {why}"),
        }
    }
}

impl Error {
    /// The connection went away, as it does when the service had closed it while it was kept.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Closed | Self::Incomplete | Self::Io(_))
    }
}
