use torana_plugin_sdk::{prelude::*, settings::Duration};

/// A duration, in milliseconds.
#[settings]
#[derive(Clone, Copy, Debug)]
#[serde(try_from = "Duration")]
pub(crate) struct Milliseconds(pub(crate) u32);

impl TryFrom<Duration> for Milliseconds {
    type Error = &'static str;

    fn try_from(duration: Duration) -> Result<Self, &'static str> {
        match u32::try_from(duration.millis) {
            Ok(millis) if millis > 0 => Ok(Self(millis)),
            _ => Err("a service has from 1ms to 49 days to answer"),
        }
    }
}
