//! What can go wrong on a connection.

use std::{fmt, io};

use super::response::LONGEST as LONGEST_HEAD;
use crate::http1::{Fault, LONGEST_TRAILERS, MOST_FIELDS};
use crate::upstream::advice;

/// Why there is no response, or no more of it.
#[derive(Debug)]
pub(crate) enum Error {
    /// The connection ended before a response came.
    Closed,
    /// It ended within a response.
    Incomplete,
    Io(io::Error),
    /// What came is no response.
    Fault(Fault),
    /// It is of another protocol; what to do about it.
    Foreign(&'static str),
    /// The body of the request broke off.
    Request(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed before a response came"),
            Self::Incomplete => f.write_str("the connection was closed within the response"),
            Self::Io(why) => write!(f, "{why}"),
            Self::Fault(Fault::Malformed(why)) => {
                write!(f, "what came is no HTTP/1 response: {why}")
            }
            Self::Foreign(advice) => write!(f, "what came is no HTTP/1 response: {advice}"),
            Self::Fault(Fault::Framing) => f.write_str(
                "where its body ends cannot be told: `Content-Length` is no number or says two, or \
                 `Transfer-Encoding` comes with HTTP/1.0",
            ),
            Self::Fault(Fault::Chunk) => f.write_str("the body's chunks are malformed"),
            Self::Fault(Fault::TooLarge) => write!(
                f,
                "its head has more than {} KiB or {MOST_FIELDS} fields, or its trailers more than {} KiB",
                LONGEST_HEAD >> 10,
                LONGEST_TRAILERS >> 10
            ),
            Self::Request(why) => write!(f, "the body of the request broke off: {why}"),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Error {
    /// Of bytes with which no response begins.
    pub(super) fn of(fault: Fault, read: &[u8]) -> Self {
        advice::of_bytes(read).map_or(Self::Fault(fault), Self::Foreign)
    }

    /// The connection went away, as it does when the service had closed it while it was kept.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Closed | Self::Incomplete | Self::Io(_))
    }
}
