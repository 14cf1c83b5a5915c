use torana_plugin_sdk::prelude::*;

use crate::units;

/// A duration, in milliseconds.
#[settings]
#[derive(Clone, Copy, Debug)]
#[serde(try_from = "String")]
pub(crate) struct Milliseconds(pub(crate) u32);

impl TryFrom<String> for Milliseconds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        units::milliseconds(&text).map(Self)
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
