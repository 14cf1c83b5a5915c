//! What a reload may change of `[store]`: nothing. And `check` needs no Redis.

use tempfile::TempDir;
use torana_tests::{RedisServer, command::torana};

use super::{PATIENT, allowed, counter, gateway, store, take};
use crate::guests::wait_for_metric;

#[tokio::test]
async fn another_store_needs_a_restart() {
    let redis = RedisServer::start().await;
    let here = gateway(&redis, PATIENT).await;
    assert!(allowed(&take(&here, "k", 1).await));
    here.write(&counter(&store(&redis, &format!("sync = \"7ms\"\n{PATIENT}"))));
    here.signal_reload();
    let refused = |line: &str| line.contains("[store] cannot change while torana runs");
    here.wait_for_log("why", refused).await;
    // The same one goes on with its counters.
    here.write(&counter(&format!("\n# as before\n{}", store(&redis, PATIENT))));
    here.signal_reload();
    wait_for_metric(&here, "torana_config_reloads_total", &["result=\"ok\""], 1.0).await;
    assert!(!allowed(&take(&here, "k", 1).await));
}

#[test]
fn check_asks_no_redis() {
    let folder = TempDir::new().expect("a folder");
    let file = |more: &str| {
        let store =
            format!("\n[store]\nkind = \"redis\"\nurl = \"rediss://redis.invalid\"\n{more}\n");
        std::fs::write(folder.path().join("gateway.toml"), counter(&store)).expect("writing");
    };
    file("");
    torana(folder.path(), &["check", "gateway.toml"]).expect(0);
    file("tls = { ca = \"none.pem\" }");
    let checked = torana(folder.path(), &["check", "gateway.toml"]).expect(1);
    assert!(checked.text().contains("gateway.toml:") && checked.text().contains("none.pem"));
}
