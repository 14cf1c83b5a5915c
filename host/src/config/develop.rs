//! What is different while a plugin is being written.

use super::{AccessLog, Config};

/// What its author wants to see of a request: above all, which plugin did what, and how long it took.
const SHOWN: [&str; 6] = ["method", "path", "status", "duration_ms", "plugins", "attributes"];

/// A new component is taken as soon as it is there, and every request is shown on standard output, whatever the
/// file says.
pub(super) fn develop(config: &mut Config) {
    config.gateway.watch = true;
    config.access_log = Some(AccessLog::shown(&SHOWN));
}
