//! The time of day, as plugins are told it.

use std::time::{SystemTime, UNIX_EPOCH};

/// A clock on the wall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WallClock {
    /// The system's.
    #[default]
    System,
    /// One that stands, at so many milliseconds since 1970: for trials.
    Standing(u64),
}

impl WallClock {
    /// Milliseconds since 1970.
    pub fn unix_millis(self) -> u64 {
        match self {
            Self::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                since.map_or(0, |time| time.as_millis() as u64)
            }
            Self::Standing(millis) => millis,
        }
    }
}
