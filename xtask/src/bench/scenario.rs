//! What is compared: the scenarios, who takes part, and with which configuration.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{
    load::{Load, Over},
    subject::{Program, THING},
};

/// One comparison.
pub(super) struct Scenario {
    /// How it is asked for.
    pub(super) name: &'static str,
    /// What it says in the report.
    pub(super) about: &'static str,
    pub(super) load: Load,
    /// A part of the right answer.
    pub(super) expects: &'static str,
    /// Who takes part.
    pub(super) subjects: fn() -> Vec<Entry>,
}

/// A gateway with its configuration.
pub(super) struct Entry {
    /// How it is called in the report.
    pub(super) name: &'static str,
    pub(super) program: Program,
    /// Its file: `{port}`, `{backend}` and the like are filled in.
    pub(super) config: fn() -> String,
}

macro_rules! entry {
    ($name:literal, $program:ident, $file:literal) => {
        Entry {
            name: $name,
            program: Program::$program,
            config: || include_str!(concat!("../../../benches/peers/", $file)).to_owned(),
        }
    };
}

const THING_OVER_HTTP: Load =
    Load { over: Over::Http1, connections: 100, paths: &["/thing"], headers: &[], upload: None };

/// All of them, in the order of the report.
pub(super) static SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "plain",
        about: "A plain proxy: 100 bytes of JSON over connections that are kept, 100 clients. \
                Everybody adds X-Forwarded-For, X-Forwarded-Proto and a request id; nobody logs.",
        load: THING_OVER_HTTP,
        expects: THING,
        subjects: plain,
    },
    Scenario {
        name: "header",
        about: "A request header is checked, another is added: by two components in Torana, by Lua \
                in Envoy.",
        load: Load { headers: &[("X-Api-Version", "2")], ..THING_OVER_HTTP },
        expects: THING,
        subjects: || {
            vec![
                entry!("torana", Torana, "header/torana.toml"),
                entry!("envoy lua", Envoy, "header/envoy-lua.yaml"),
                entry!("torana without", Torana, "plain/torana.toml"),
                entry!("envoy without", Envoy, "plain/envoy.yaml"),
            ]
        },
    },
    Scenario {
        name: "jwt",
        about: "A token signed with RS256 is checked and each user's requests are limited: by \
                `jwt-auth` and `quota` in Torana, by the native filters in Envoy. `verify`: the \
                signature is verified each time; otherwise Torana remembers it for the token's life.",
        load: Load { headers: &[("Authorization", "Bearer {token}")], ..THING_OVER_HTTP },
        expects: THING,
        subjects: || {
            vec![
                entry!("torana", Torana, "jwt/torana.toml"),
                Entry {
                    name: "torana verify",
                    program: Program::Torana,
                    config: || {
                        include_str!("../../../benches/peers/jwt/torana.toml")
                            .replace("# cache = 0", "cache = 0")
                    },
                },
                entry!("envoy", Envoy, "jwt/envoy.yaml"),
            ]
        },
    },
    Scenario {
        name: "chain",
        about: "Five plugins (CORS, JWT, quota, roles, headers) in Torana, against Envoy with none.",
        load: Load {
            headers: &[("Authorization", "Bearer {token}"), ("Origin", "https://shop.example")],
            ..THING_OVER_HTTP
        },
        expects: THING,
        subjects: || {
            vec![
                entry!("torana", Torana, "chain/torana.toml"),
                entry!("envoy without", Envoy, "plain/envoy.yaml"),
                entry!("torana without", Torana, "plain/torana.toml"),
            ]
        },
    },
    Scenario {
        name: "tls",
        about: "The plain proxy over TLS 1.3, connections kept.",
        load: Load { over: Over::Https, ..THING_OVER_HTTP },
        expects: THING,
        subjects: over_tls,
    },
    Scenario {
        name: "handshakes",
        about: "The same with a new connection, and so a full handshake, for each request (ECDSA P-256).",
        load: Load { over: Over::Handshakes, connections: 32, ..THING_OVER_HTTP },
        expects: THING,
        subjects: over_tls,
    },
    Scenario {
        name: "h2",
        about: "The plain proxy over HTTP/2 with TLS: 10 connections of 100 streams.",
        load: Load { over: Over::H2(100), connections: 10, ..THING_OVER_HTTP },
        expects: THING,
        subjects: over_tls,
    },
    Scenario {
        name: "download",
        about: "A megabyte from a file, 16 clients.",
        load: Load { connections: 16, paths: &["/files/1m"], ..THING_OVER_HTTP },
        expects: "aaaa",
        subjects: plain,
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
        expects: THING,
        subjects: plain,
    },
    Scenario {
        name: "routes",
        about: "The plain proxy with 10,000 routes, of which four are asked for, against one.",
        load: Load { paths: &["/r/1/x", "/r/2500/x", "/r/5000/x", "/r/9999/x"], ..THING_OVER_HTTP },
        expects: THING,
        subjects: || {
            vec![
                Entry {
                    name: "10,000 routes",
                    program: Program::Torana,
                    config: || routes(10_000),
                },
                entry!("1 route", Torana, "plain/torana.toml"),
            ]
        },
    },
    Scenario {
        name: "connections",
        about: "The plain proxy with 5,000 clients at a time.",
        load: Load { connections: 5_000, ..THING_OVER_HTTP },
        expects: THING,
        subjects: || {
            vec![
                entry!("torana", Torana, "plain/torana.toml"),
                entry!("nginx", Nginx, "plain/nginx.conf"),
                entry!("haproxy", Haproxy, "plain/haproxy.cfg"),
                entry!("envoy", Envoy, "plain/envoy.yaml"),
            ]
        },
    },
    Scenario {
        name: "aggregate",
        about: "One reply made of four calls, by `aggregate`.",
        load: THING_OVER_HTTP,
        expects: "\"four\":{\"id\"",
        subjects: || vec![entry!("torana", Torana, "aggregate/torana.toml")],
    },
];

/// Their names, for messages.
pub(super) fn names() -> String {
    SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
}

fn plain() -> Vec<Entry> {
    vec![
        entry!("torana", Torana, "plain/torana.toml"),
        entry!("nginx", Nginx, "plain/nginx.conf"),
        entry!("haproxy", Haproxy, "plain/haproxy.cfg"),
        entry!("envoy", Envoy, "plain/envoy.yaml"),
        entry!("traefik", Traefik, "plain/traefik.yaml"),
        entry!("caddy", Caddy, "plain/Caddyfile"),
    ]
}

/// The plain files, with TLS in front.
fn over_tls() -> Vec<Entry> {
    vec![
        Entry {
            name: "torana",
            program: Program::Torana,
            config: || {
                let tls = "tls = [{ cert = \"{cert}\", key = \"{key}\" }]\n\n[upstreams.service]";
                include_str!("../../../benches/peers/plain/torana.toml").replacen(
                    "\n[upstreams.service]",
                    tls,
                    1,
                )
            },
        },
        Entry {
            name: "nginx",
            program: Program::Nginx,
            config: || {
                let tls = "ssl_certificate {cert};\n        ssl_certificate_key {key};\n        \
                           ssl_protocols TLSv1.3;\n        location / {";
                include_str!("../../../benches/peers/plain/nginx.conf")
                    .replace("reuseport;", "reuseport ssl http2;")
                    .replace("location / {", tls)
            },
        },
        Entry {
            name: "haproxy",
            program: Program::Haproxy,
            config: || {
                let tls = "backlog 16384 ssl crt {cert} alpn h2,http/1.1";
                include_str!("../../../benches/peers/plain/haproxy.cfg")
                    .replace("backlog 16384", tls)
            },
        },
        entry!("envoy", Envoy, "tls/envoy.yaml"),
    ]
}

fn routes(count: usize) -> String {
    let plain = include_str!("../../../benches/peers/plain/torana.toml");
    let (head, _) = plain.split_once("[[routes]]").unwrap_or((plain, ""));
    let one = |n| {
        format!(
            "[[routes]]\nname = \"r{n}\"\nmatch = {{ path = \"/r/{n}/{{*rest}}\" }}\nupstream = \
             \"service\"\n\n"
        )
    };
    let rest =
        "[[routes]]\nname = \"rest\"\nmatch = { path = \"/{*rest}\" }\nupstream = \"service\"\n";
    head.to_owned() + &(1..count).map(one).collect::<String>() + rest
}

/// Keys, certificates and a token, which openssl makes once.
pub(super) struct Identity {
    /// Certificate and key in one file, as haproxy wants it.
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
    /// The public key of the token's issuer, in one line (RFC 7517).
    pub(super) jwk: String,
    pub(super) token: String,
}

pub(super) fn identity(folder: &Path) -> Result<Identity> {
    let folder = folder.join("identity");
    fs::create_dir_all(&folder)?;
    let at = |name: &str| folder.join(name);
    if !at("rsa.pem").exists() {
        openssl(
            &folder,
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
                          -subj /CN=localhost -keyout key.pem -out leaf.pem",
        )?;
        let both = [fs::read(at("leaf.pem"))?, fs::read(at("key.pem"))?].concat();
        fs::write(at("cert.pem"), both)?;
        openssl(&folder, "genrsa -traditional -out rsa.pem 2048")?;
    }
    // An `exp` far ahead: what is measured is not how tokens are renewed.
    let head = base64url(br#"{"alg":"RS256","typ":"JWT","kid":"bench"}"#);
    let claims = base64url(
        br#"{"iss":"https://idp.example","aud":"shop","sub":"ada","exp":4000000000,"roles":["buyer"]}"#,
    );
    fs::write(at("signed"), format!("{head}.{claims}"))?;
    openssl(&folder, "dgst -sha256 -sign rsa.pem -out signature signed")?;
    let signature = base64url(&fs::read(at("signature"))?);
    let modulus = openssl(&folder, "rsa -in rsa.pem -noout -modulus")?;
    let modulus = modulus.trim().strip_prefix("Modulus=").context("openssl's modulus")?;
    let bytes: Option<Vec<u8>> = (0..modulus.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(modulus.get(at..at + 2)?, 16).ok())
        .collect();
    let n = base64url(&bytes.context("openssl's modulus is no hexadecimal number")?);
    let jwk =
        format!(r#"{{"kty":"RSA","use":"sig","alg":"RS256","kid":"bench","e":"AQAB","n":"{n}"}}"#);
    let token = format!("{head}.{claims}.{signature}");
    Ok(Identity { cert: at("cert.pem"), key: at("key.pem"), jwk, token })
}

fn openssl(folder: &Path, arguments: &str) -> Result<String> {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .context("starting openssl")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "openssl {arguments}: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// RFC 4648, 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - group.len()));
        for at in 0..=group.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * at)) as usize & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_encoded_as_they_must_be() {
        // RFC 4648, 10.
        for (bytes, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

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
        assert!(over_tls().iter().all(|entry| (entry.config)().contains("{cert}")));
    }
}
