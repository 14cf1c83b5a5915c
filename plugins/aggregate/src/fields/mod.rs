//! Settings that have more than one shape. (Serde's untagged enums would do, but their errors do not
//! say where.)

/// Deserializes by a visitor, and has a schema.
macro_rules! shaped {
    ($type:ty, $visitor:expr, $schema:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($visitor)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

mod body;
mod each;
mod keys;
mod ordered;
mod place;
mod policy;
mod units;
mod values;

pub(crate) use self::{
    each::Each,
    keys::Keys,
    ordered::Ordered,
    place::HeaderOrNone,
    policy::{NotFound, OnError, Passed, Policy},
    units::Milliseconds,
    values::{HeaderValue, QueryValue},
};
