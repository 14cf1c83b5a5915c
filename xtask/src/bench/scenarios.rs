//! All scenarios, in the order of the report.

use super::{
    backend::THING,
    entries::{
        bodies, entry, four, fresh, one_component, over_tls, routes, six, tokens, two_workers,
    },
    load::{Load, Over},
    scenario::{Entry, Scenario},
    subject::Program,
};

/// 100 clients that ask for a small answer.
pub(super) const THING_OVER_HTTP: Load =
    Load { over: Over::Http1, connections: 100, paths: &["/thing"], headers: &[], upload: None };

/// A scenario as most of them are; the others say how they differ.
const PLAIN: Scenario = Scenario {
    name: "plain",
    about: "A plain proxy: 100 bytes of JSON over connections that are kept, 100 clients. \
            Everybody adds X-Forwarded-For, X-Forwarded-Proto and a request id; nobody logs. \
            Then the same at half the rate that each reached, evenly paced over 64 connections; \
            latency there counts from when a request was due.",
    load: THING_OVER_HTTP,
    half: true,
    expects: THING,
    lacks: None,
    subjects: six,
};

const OTHER: Scenario = Scenario { half: false, ..PLAIN };

const RS256: &[(&str, &str)] = &[("Authorization", "Bearer {rs256}")];
const ES256: &[(&str, &str)] = &[("Authorization", "Bearer {es256}")];

pub(super) static SCENARIOS: &[Scenario] = &[
    PLAIN,
    Scenario {
        name: "header",
        about: "A request header is checked, another is added: by two components in Torana, by Lua \
                and by a Wasm filter in Envoy, by a Wasm plugin in Traefik. `torana one` only adds it.",
        load: Load { headers: &[("X-Api-Version", "2")], ..THING_OVER_HTTP },
        subjects: || {
            vec![
                entry!("torana", Torana, "header/torana.toml"),
                entry!("envoy lua", Envoy, "header/envoy-lua.yaml"),
                Entry {
                    filter: Some("envoy-header"),
                    ..entry!("envoy wasm", Envoy, "header/envoy-wasm.yaml")
                },
                Entry {
                    filter: Some("traefik-header"),
                    ..entry!("traefik wasm", Traefik, "header/traefik-wasm.yaml")
                },
                one_component(),
                entry!("torana without", Torana, "plain/torana.toml"),
                entry!("envoy without", Envoy, "plain/envoy.yaml"),
            ]
        },
        ..OTHER
    },
    Scenario {
        name: "fresh",
        about: "The same two components with `isolation = \"request\"`: each hook call gets an instance \
                that nobody has used.",
        load: Load { headers: &[("X-Api-Version", "2")], ..THING_OVER_HTTP },
        subjects: fresh,
        ..OTHER
    },
    Scenario {
        name: "jwt",
        about: "A token signed with RS256 is checked and each user's requests are limited: by \
                `jwt-auth` and `quota` in Torana, which remembers a signature for the token's life, by the \
                native filters in Envoy.",
        load: Load { headers: RS256, ..THING_OVER_HTTP },
        subjects: || {
            vec![
                Entry::new("torana", Program::Torana, || tokens(false, false)),
                entry!("envoy", Envoy, "jwt/envoy.yaml"),
            ]
        },
        ..OTHER
    },
    Scenario {
        name: "jwt-cold",
        about: "The same where Torana remembers nothing (`cache = 0`): it verifies each signature, as \
                Envoy does.",
        load: Load { headers: RS256, ..THING_OVER_HTTP },
        subjects: || {
            vec![
                Entry::new("torana", Program::Torana, || tokens(true, false)),
                entry!("envoy", Envoy, "jwt/envoy.yaml"),
            ]
        },
        ..OTHER
    },
    Scenario {
        name: "jwt-es256",
        about: "The same with a token signed with ES256 (ECDSA P-256).",
        load: Load { headers: ES256, ..THING_OVER_HTTP },
        subjects: || {
            vec![
                Entry::new("torana", Program::Torana, || tokens(true, true)),
                entry!("envoy", Envoy, "jwt/envoy.yaml"),
            ]
        },
        ..OTHER
    },
    Scenario {
        name: "chain",
        about: "Five plugins (CORS, JWT, quota, roles, headers) in Torana, against Envoy with none.",
        load: Load {
            headers: &[("Authorization", "Bearer {rs256}"), ("Origin", "https://shop.example")],
            ..THING_OVER_HTTP
        },
        subjects: || {
            vec![
                entry!("torana", Torana, "chain/torana.toml"),
                entry!("envoy without", Envoy, "plain/envoy.yaml"),
                entry!("torana without", Torana, "plain/torana.toml"),
            ]
        },
        ..OTHER
    },
    Scenario {
        name: "body-4k",
        about: "A JSON document of 4 KB, 16 clients: two members go from each item of its list, by `bff-shape` in \
                Torana, by Lua and by a Wasm filter (Rust with serde_json) in Envoy.",
        load: Load { connections: 16, paths: &["/documents/4k"], ..THING_OVER_HTTP },
        expects: "\"stock\":",
        lacks: Some("supplier"),
        subjects: bodies,
        ..OTHER
    },
    Scenario {
        name: "body-64k",
        about: "The same with 64 KB.",
        load: Load { connections: 16, paths: &["/documents/64k"], ..THING_OVER_HTTP },
        expects: "\"stock\":",
        lacks: Some("supplier"),
        subjects: bodies,
        ..OTHER
    },
    Scenario {
        name: "tls",
        about: "The plain proxy over TLS 1.3, connections kept.",
        load: Load { over: Over::Https, ..THING_OVER_HTTP },
        subjects: over_tls,
        ..OTHER
    },
    Scenario {
        name: "handshakes",
        about: "The same with a new connection, and so a full handshake, for each request (ECDSA P-256); 8 \
                clients, whose own work bounds rate and latency.",
        load: Load { over: Over::Handshakes, connections: 8, ..THING_OVER_HTTP },
        subjects: over_tls,
        ..OTHER
    },
    Scenario {
        name: "resumed",
        about: "The same where each connection resumes the session of the one before; 32 clients.",
        load: Load { over: Over::Resumptions, connections: 32, ..THING_OVER_HTTP },
        subjects: over_tls,
        ..OTHER
    },
    Scenario {
        name: "h2",
        about: "The plain proxy over HTTP/2 with TLS: 10 connections of 100 streams.",
        load: Load { over: Over::H2(100), connections: 10, ..THING_OVER_HTTP },
        subjects: over_tls,
        ..OTHER
    },
    Scenario {
        name: "download",
        about: "A megabyte from a file, 16 clients.",
        load: Load { connections: 16, paths: &["/files/1m"], ..THING_OVER_HTTP },
        expects: "aaaa",
        subjects: four,
        ..OTHER
    },
    Scenario {
        name: "upload",
        about: "A megabyte to the service, 16 clients.",
        load: Load {
            connections: 16,
            paths: &["/upload"],
            upload: Some(1 << 20),
            ..THING_OVER_HTTP
        },
        subjects: four,
        ..OTHER
    },
    Scenario {
        name: "download-100m",
        about: "A hundred megabytes from a file, one client; only whole ones count.",
        load: Load { over: Over::Transfers, paths: &["/files/100m"], ..THING_OVER_HTTP },
        expects: "aaaa",
        subjects: four,
        ..OTHER
    },
    Scenario {
        name: "upload-100m",
        about: "A hundred megabytes to the service, one client; only whole ones count.",
        load: Load {
            over: Over::Transfers,
            paths: &["/upload"],
            upload: Some(100 << 20),
            ..THING_OVER_HTTP
        },
        subjects: four,
        ..OTHER
    },
    Scenario {
        name: "routes",
        about: "The plain proxy with so many routes, of which four are asked for in turns.",
        load: Load {
            paths: &["/r/2500/x", "/r/5000/x", "/r/7500/x", "/r/9900/x"],
            ..THING_OVER_HTTP
        },
        subjects: || {
            vec![
                entry!("1 route", Torana, "plain/torana.toml"),
                Entry::new("100 routes", Program::Torana, || routes(100)),
                Entry::new("1,000 routes", Program::Torana, || routes(1_000)),
                Entry::new("10,000 routes", Program::Torana, || routes(10_000)),
            ]
        },
        ..OTHER
    },
    Scenario {
        name: "connections",
        about: "The plain proxy with 5,000 clients that are connected, of which 2,000 a second ask for \
                something. (`plain` has 100 that always do.) Latency counts from when a request was due.",
        load: Load { over: Over::Paced(2_000), connections: 5_000, ..THING_OVER_HTTP },
        subjects: four,
        ..OTHER
    },
    Scenario {
        name: "client",
        about: "The plain proxy with one client: nothing is waited for but the answer.",
        load: Load { connections: 1, ..THING_OVER_HTTP },
        subjects: || {
            vec![
                entry!("torana", Torana, "plain/torana.toml"),
                entry!("nginx", Nginx, "plain/nginx.conf"),
            ]
        },
        ..OTHER
    },
    Scenario {
        name: "cores",
        about: "The plain proxy with one worker on one core, and with two on two. (With fewer than four \
                cores the service and the load share them: what counts is CPU for each request.)",
        subjects: || vec![two_workers(), entry!("one core", Torana, "plain/torana.toml")],
        ..OTHER
    },
    Scenario {
        name: "aggregate",
        about: "One reply made of four calls, by `aggregate`.",
        expects: "\"four\":{\"id\"",
        subjects: || vec![entry!("torana", Torana, "aggregate/torana.toml")],
        ..OTHER
    },
    Scenario {
        name: "aggregate-client",
        about: "The same with one client. What it takes the place of are four requests as those of \
                `client`, one after the other.",
        load: Load { connections: 1, ..THING_OVER_HTTP },
        expects: "\"four\":{\"id\"",
        subjects: || vec![entry!("torana", Torana, "aggregate/torana.toml")],
        ..OTHER
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_scenario_and_all_files_are_filled() {
        for (at, scenario) in SCENARIOS.iter().enumerate() {
            assert!(SCENARIOS[..at].iter().all(|other| other.name != scenario.name));
            for entry in (scenario.subjects)() {
                let config = (entry.config)();
                assert!(config.contains("{port}") || entry.program == Program::Traefik);
                assert!(config.contains("{backend}"), "{} {}", scenario.name, entry.name);
            }
        }
    }
}
