//! What takes more than one exchange to see.

use super::Cache;

mod changes;
mod fresh;
mod gateway;
mod oracle;
mod sharing;
mod trouble;

#[test]
fn cases() {
    torana_plugin_sdk::cases::run::<Cache>("cases");
}
