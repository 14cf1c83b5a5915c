use super::AttributeError;
use crate::Refused;

/// Text that travels with the exchange from one plugin to the next, and into the access log.
/// Clients can never set one.
///
/// A name without a dot is the plugin's own; `NAME.x` is attribute `x` of the plugin `NAME`. To
/// write a reserved name (`consumer.id`, `consumer.tier`, `auth.scopes`, `auth.claims`) needs
/// `attributes = ["consumer.id"]` in the grants.
pub trait Attributes {
    /// The value, where there is one.
    fn get(&self, name: &str) -> Option<String>;
    /// Sets a value, in the place of the one that was there.
    fn set(&self, name: &str, value: &str) -> Result<(), Refused<AttributeError>>;
    /// Removes a value. Removing what is not there is no error.
    fn remove(&self, name: &str) -> Result<(), Refused<AttributeError>>;
    /// Sets several values, and removes those that are none: all of it, or nothing where one is refused. What is
    /// not there needs no grant to be removed.
    fn update(&self, values: &[(String, Option<String>)]) -> Result<(), Refused<AttributeError>>;
}
