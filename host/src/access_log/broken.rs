//! Why a client has not got all of a response.

use crate::{body::BodyError, worker};

/// Whose doing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The client has left, or did not take it in time; or the request broke off.
    Client,
    /// The service ended it, or sent what cannot be read.
    Upstream,
    /// Nothing came from the service for too long.
    Idle,
    /// The exchange had had its time.
    Deadline,
    /// A plugin failed on the body.
    Plugin,
    /// The gateway ended, and its `drain` was over.
    Drain,
}

impl Broken {
    /// What ended a response's body.
    pub fn of(why: &BodyError) -> Self {
        match why {
            BodyError::Aborted(_) | BodyError::TooLarge(_) | BodyError::Decode(_) => Self::Upstream,
            BodyError::Timeout => Self::Idle,
            BodyError::Deadline { .. } => Self::Deadline,
            BodyError::Plugin { .. } => Self::Plugin,
            BodyError::Request(why) => match **why {
                BodyError::Plugin { .. } => Self::Plugin,
                _ => Self::Client,
            },
        }
    }

    /// Nobody wants more of it: its client has left, unless this worker ends.
    pub fn given_up() -> Self {
        if worker::is_breaking_off() { Self::Drain } else { Self::Client }
    }

    /// Its name in a line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Idle => "idle",
            Self::Deadline => "deadline",
            Self::Plugin => "plugin",
            Self::Drain => "drain",
        }
    }
}
