use torana_plugin_sdk::{prelude::*, settings::Duration};

use crate::units;

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

/// A size, in bytes.
#[settings]
#[derive(Clone, Copy, Debug)]
#[serde(try_from = "String")]
pub(crate) struct Bytes(pub(crate) usize);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        units::bytes(&text).map(Self)
    }
}
