//! The parts of configurations that are always the same.

use std::net::SocketAddr;

/// An admin listener and a public one, on ports that the system chooses. Reloads come when a test
/// says so. What follows at once is about the public one.
pub const LISTEN: &str = r#"
[gateway]
workers = 2
watch = false

[admin]
address = "127.0.0.1:0"

[listen.public]
address = "127.0.0.1:0"
"#;

/// One upstream with one target. What follows at once is about it.
pub fn upstream(name: &str, target: SocketAddr) -> String {
    format!("\n[upstreams.{name}]\ntargets = [\"{target}\"]\n")
}

/// One route with all that is in `more`: `match`, `chain`, `upstream` ...
pub fn route(name: &str, more: &str) -> String {
    format!("\n[[routes]]\nname = \"{name}\"\n{more}\n")
}

/// Everything there is goes to one service.
pub fn proxy(target: SocketAddr) -> String {
    proxy_with(target, "")
}

/// The same, with more in its route.
pub fn proxy_with(target: SocketAddr, more: &str) -> String {
    [LISTEN, &upstream("service", target), &route("all", &format!("{ALL}\n{more}"))].concat()
}

/// A route's keys: everything there is, to the upstream `service`.
pub const ALL: &str = r#"match = { path = "/{*path}" }
upstream = "service""#;

/// The names of a configuration's listeners, `admin` included.
pub(crate) fn listeners(toml: &str) -> Vec<String> {
    let table: ::toml::Table = toml.parse().expect("the test's TOML");
    let public = table.get("listen").and_then(|listen| listen.as_table());
    let admin = table.contains_key("admin").then(|| "admin".to_string());
    public.into_iter().flat_map(|listen| listen.keys().cloned()).chain(admin).collect()
}
