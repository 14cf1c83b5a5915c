//! Who takes part in a scenario, and with which file.

use super::{scenario::Entry, subject::Program};

/// A gateway and its file below benches/peers.
macro_rules! entry {
    ($name:literal, $program:ident, $file:literal) => {
        $crate::bench::scenario::Entry::new(
            $name,
            $crate::bench::subject::Program::$program,
            || include_str!(concat!("../../../benches/peers/", $file)).to_owned(),
        )
    };
}

pub(super) use entry;

const TORANA: &str = include_str!("../../../benches/peers/plain/torana.toml");

/// The plain proxy, of everybody.
pub(super) fn six() -> Vec<Entry> {
    let mut entries = four();
    entries.push(entry!("traefik", Traefik, "plain/traefik.yaml"));
    entries.push(entry!("caddy", Caddy, "plain/Caddyfile"));
    entries
}

/// The same without those that are written in Go, which cost several times as much.
pub(super) fn four() -> Vec<Entry> {
    vec![
        entry!("torana", Torana, "plain/torana.toml"),
        entry!("nginx", Nginx, "plain/nginx.conf"),
        entry!("haproxy", Haproxy, "plain/haproxy.cfg"),
        entry!("envoy", Envoy, "plain/envoy.yaml"),
    ]
}

/// The plain files, with TLS in front.
pub(super) fn over_tls() -> Vec<Entry> {
    vec![
        Entry::new("torana", Program::Torana, || {
            let tls = "tls = [{ cert = \"{cert}\", key = \"{key}\" }]\n\n[upstreams.service]";
            TORANA.replacen("\n[upstreams.service]", tls, 1)
        }),
        Entry::new("nginx", Program::Nginx, || {
            let tls = "ssl_certificate {cert};\n        ssl_certificate_key {key};\n        \
                       ssl_protocols TLSv1.3;\n        location / {";
            include_str!("../../../benches/peers/plain/nginx.conf")
                .replace("reuseport;", "reuseport ssl http2;")
                .replace("location / {", tls)
        }),
        Entry::new("haproxy", Program::Haproxy, || {
            let tls = "backlog 16384 ssl crt {cert} alpn h2,http/1.1";
            include_str!("../../../benches/peers/plain/haproxy.cfg").replace("backlog 16384", tls)
        }),
        entry!("envoy", Envoy, "tls/envoy.yaml"),
    ]
}

/// Two members of each item in a JSON document go.
pub(super) fn bodies() -> Vec<Entry> {
    vec![
        entry!("torana", Torana, "bodies/torana.toml"),
        entry!("envoy lua", Envoy, "bodies/envoy-lua.yaml"),
        Entry {
            filter: Some("envoy-shape"),
            ..entry!("envoy wasm", Envoy, "bodies/envoy-wasm.yaml")
        },
    ]
}

/// Two components check a header and add one, in instances that are kept or in fresh ones.
pub(super) fn fresh() -> Vec<Entry> {
    vec![
        Entry::new("torana fresh", Program::Torana, || {
            let fresh = |text: &str, plugin| {
                text.replace(plugin, &format!("{plugin}\nisolation = \"request\""))
            };
            let text = include_str!("../../../benches/peers/header/torana.toml");
            fresh(&fresh(text, "component = \"require\""), "component = \"headers\"")
        }),
        entry!("torana pooled", Torana, "header/torana.toml"),
    ]
}

/// Only the second of the two components.
pub(super) fn one_component() -> Entry {
    Entry::new("torana one", Program::Torana, || {
        include_str!("../../../benches/peers/header/torana.toml")
            .replace("[\"version\", \"mark\"]", "[\"mark\"]")
    })
}

/// Tokens that are remembered, and others that are verified each time.
pub(super) fn tokens(verify: bool, es256: bool) -> String {
    let mut text = include_str!("../../../benches/peers/jwt/torana.toml").to_owned();
    if verify {
        text = text.replace("# cache = 0", "cache = 0");
    }
    if es256 {
        text = text.replace("RS256", "ES256").replace("{jwk}", "{ec-jwk}");
    }
    text
}

/// The plain file, with so many routes; all of them are below /r/, with numbers up to 10,000.
pub(super) fn routes(count: usize) -> String {
    let (head, _) = TORANA.split_once("[[routes]]").unwrap_or((TORANA, ""));
    let one = |n| {
        let n = n * 10_000 / count;
        format!(
            "[[routes]]\nname = \"r{n}\"\nmatch = {{ path = \"/r/{n}/{{*rest}}\" }}\nupstream = \
             \"service\"\n\n"
        )
    };
    let rest =
        "[[routes]]\nname = \"rest\"\nmatch = { path = \"/{*rest}\" }\nupstream = \"service\"\n";
    head.to_owned() + &(1..count).map(one).collect::<String>() + rest
}

/// The plain file for two workers on two cores.
pub(super) fn two_workers() -> Entry {
    let config = || TORANA.replace("workers = 1", "workers = 2");
    Entry { cores: 2, ..Entry::new("two cores", Program::Torana, config) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_was_there() {
        assert!(over_tls().iter().all(|entry| (entry.config)().contains("{cert}")));
        assert_eq!((fresh()[0].config)().matches("isolation").count(), 2);
        assert!((one_component().config)().contains("chain = [\"mark\"]"));
        assert!((two_workers().config)().contains("workers = 2"));
        assert!(tokens(true, true).contains("\ncache = 0"));
        assert!(tokens(true, true).contains("{ec-jwk}") && !tokens(true, true).contains("RS256"));
        assert_eq!(routes(100).matches("[[routes]]").count(), 100);
        assert!(routes(100).contains("/r/9900/") && routes(10_000).contains("/r/9900/"));
    }
}
