//! Whole files. `tests/NAME.toml` has beside it what is said of it, `NAME.err`; no such file means
//! that nothing is. `BLESS=1` writes them anew: read the difference before it is committed.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use super::*;

/// A value that no message may contain.
const SECRET: &str = "correct-horse";

fn options() -> LoadOptions {
    let variables = BTreeMap::from([
        ("ADMIN_TOKEN", SECRET),
        ("CATALOG", "catalog.internal:9002"),
        ("CONNECTIONS", "16"),
        ("EMPTY", ""),
        ("HUGE", "9999999h"),
        ("IDP_SECRET", SECRET),
        ("ISSUER", "https://idp.example"),
        ("OTLP", "Bearer correct-horse"),
        ("PEPPER", SECRET),
        ("PLACES", "correct-horse-correct-horse-correct-horse"),
        ("REGION", "eu-1"),
        ("TWO_WORDS", "correct horse"),
    ]);
    LoadOptions {
        components: Some("/components".into()),
        locked: false,
        develop: false,
        environment: Arc::new(move |name| variables.get(name).map(Into::into)),
    }
}

fn parse(text: &str) -> Result<(Config, Diagnostics), Rejected> {
    Config::parse(Arc::new(Source::new("gateway.toml", text)), &options())
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/tests"))
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// All that is said of a text.
fn said(name: &str, text: &str) -> String {
    let source = Arc::new(Source::new(name, text));
    match Config::parse(source.clone(), &options()) {
        Ok((_, warnings)) => warnings.render(&source, false),
        Err(rejected) => rejected.to_string(),
    }
}

#[test]
fn every_file_has_its_message_beside_it() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let said = said(name, &read(name));
        assert!(!said.contains(SECRET) && !said.contains("correct horse"), "{name} shows a secret");
        let expected = path.with_extension("err");
        if std::env::var_os("BLESS").is_some() {
            match said.is_empty() {
                true => drop(fs::remove_file(&expected)),
                false => fs::write(&expected, &said).unwrap(),
            }
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            wrong.push(format!("--- {name}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_example_of_the_design() {
    let (config, warnings) = parse(&read("example.toml")).unwrap();
    assert!(warnings.is_empty());
    let route = &config.routes[0];
    assert_eq!(route.matcher.path, "/api/products/{id}/details");
    assert_eq!(route.timeout, Duration::from_secs(60));
    assert_eq!(route.upstream.as_deref(), Some("catalog"));
    let [auth, pacer] = &route.chain[..] else { panic!("two plugins") };
    assert_eq!(auth.component.path, Path::new("/components/auth-check.wasm"));
    assert_eq!(auth.limits.cpu, Duration::from_millis(5));
    assert_eq!(auth.grants.headers_read, ["authorization"]);
    assert_eq!(auth.settings.json, r#"{"issuer":"https://idp.example","audience":"shop"}"#);
    assert_eq!(pacer.settings.json, r#"{"limit":"100/1m"}"#);
    assert_eq!(config.upstreams[0].health.as_ref().unwrap().interval, Duration::from_secs(2));
}

#[test]
fn every_key_of_the_file_is_in_the_file_of_all_keys() {
    let text = read("everything.toml");
    for shape in load::ROOT.tree() {
        for key in shape.keys.iter().filter(|key| !["file", "path"].contains(&key.name)) {
            assert!(text.contains(key.name), "{} {}", shape.place, key.name);
        }
    }
}

#[test]
fn traces_are_read_whole_and_their_headers_are_not_shown() {
    let (config, _) = parse(&read("everything.toml")).unwrap();
    let traces = config.traces.unwrap();
    assert_eq!((traces.sample, traces.follow), (25_000, Follow::Always));
    assert_eq!(traces.resource[1], ("region".to_owned(), "eu-1".to_owned()));
    assert_eq!(traces.headers["authorization"], format!("Bearer {SECRET}"));
    assert!(!format!("{traces:?}").contains(SECRET));
    let fields = config.access_log.unwrap().fields;
    assert!(!fields.iter().any(|field| field.name() == "trace_id"), "it says which");
}

#[test]
fn values_from_the_environment() {
    let (config, _) = parse(&read("everything.toml")).unwrap();
    let catalog = &config.upstreams[0];
    assert_eq!(catalog.targets[1].host, "catalog.internal");
    assert_eq!(catalog.targets[1].port, 9002);
    assert_eq!(catalog.keep_connections, 16);
    assert_eq!(config.admin.as_ref().unwrap().token.as_deref(), Some(SECRET));
    assert_eq!(&*config.secrets.0["idp"], SECRET.as_bytes());
    let printed = format!("{config:?}");
    assert!(!printed.contains(SECRET), "a configuration can be logged");
}

#[test]
fn paths_are_relative_to_the_file() {
    let folder = std::env::temp_dir().join(format!("torana-config-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("timeout"), "7s\n").unwrap();
    let text = read("example.toml").replace(
        "upstream = \"catalog\"",
        "upstream = \"catalog\"\ntimeout = { file = \"timeout\" }",
    );
    let file = folder.join("gateway.toml");
    fs::write(&file, text).unwrap();
    let (config, _) = Config::load(&file, &options()).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(config.routes[0].timeout, Duration::from_secs(7));
    // What it is made of: read by now, or, as components are, later.
    let found = |name: &str| {
        let file = config.reads.files.iter().find(|file| file.path.ends_with(name));
        file.unwrap_or_else(|| panic!("{name} in {:?}", config.reads)).found
    };
    assert!(found("gateway.toml").is_some_and(|print| print.is_some()));
    assert_eq!(found("timeout"), Some(reads::print_of(b"7s\n")));
    assert_eq!(found("components/auth-check.wasm"), None);
    assert_eq!(config.reads.values, [b"7s"[..].into()]);
}

#[test]
fn settings_become_json() {
    let (config, _) = parse(&read("everything.toml")).unwrap();
    let settings = &config.plugins[0].settings;
    let expected = concat!(
        r#"{"issuer":"https://idp.example","client":{"secret":"idp"},"#,
        r#""audiences":["shop",{"name":"admin","since":"2024-01-02"}],"leeway":60,"#,
        r#""limit":18446744073709551615,"ratio":0.5,"nested":{"deep":{"on":true}}}"#,
    );
    assert_eq!(settings.json, expected);
    let at = |path: &[&str]| {
        let path: Vec<_> = path.iter().map(|&segment| segment.to_owned()).collect();
        config.source.slice(settings.locate(&path))
    };
    assert_eq!(at(&["audiences", "1", "name"]), "\"admin\"");
    assert_eq!(at(&["nested", "deep", "on"]), "true");
    assert_eq!(at(&["ratio", "not", "there"]), "0.5");
    assert_eq!(at(&["missing"]), "[plugins.auth.config]");
    assert_eq!(at(&[]), "[plugins.auth.config]");
}

#[test]
fn a_chain_entry_overrides_and_narrows() {
    let (config, _) = parse(&read("everything.toml")).unwrap();
    let [plain, changed] = &config.routes[0].chain[..] else { panic!("two plugins") };
    assert_eq!(plain.limits, config.plugins[0].limits);
    assert!(plain.settings.json.contains("\"leeway\":60,"));
    assert!(changed.settings.json.contains("\"leeway\":1,"), "in its old place");
    assert!(changed.settings.json.contains("\"ratio\":0.5"), "the others stay");
    assert_eq!(changed.limits.cpu, Duration::from_millis(1));
    assert_eq!(changed.limits.wall, plain.limits.wall);
    assert_eq!(changed.grants.fetch, [FetchGrant::Upstream("catalog".into())]);
    assert_eq!(changed.grants.kv, None);
    assert!(!changed.grants.crypto && changed.grants.request_edit);
    assert!(changed.grants.headers_read.is_empty());
    assert_eq!(changed.grants.headers_write, ["set-cookie"], "its sibling stays");
    assert_eq!(changed.on_error.response, OnErrorAction::Deny(500));
    assert_eq!(plain.on_error.response, OnErrorAction::Skip);
    assert_eq!(config.source.slice(plain.span), "\"auth\"");
    assert_eq!(config.listeners[0].chain.len(), 1);
}

#[test]
fn both_ends_of_the_bounds() {
    let with_timeout = |timeout: &str| {
        let line = format!("upstream = \"catalog\"\ntimeout = {timeout}");
        parse(&read("example.toml").replace("upstream = \"catalog\"", &line)).is_ok()
    };
    assert!(with_timeout("\"1ms\"") && with_timeout("\"24h\""));
    assert!(!with_timeout("\"0ms\"") && !with_timeout("\"25h\""));
}

#[test]
fn files_that_cannot_be_read() {
    let rejected = Config::load("no/such.toml", &options()).unwrap_err();
    let said = rejected.to_string();
    assert!(said.starts_with("no/such.toml: error: cannot be read: No such file"), "{said}");
    let path = std::env::temp_dir().join(format!("torana-latin1-{}.toml", std::process::id()));
    fs::write(&path, b"# fine\n# caf\xe9\n").unwrap();
    let rejected = Config::load(&path, &options()).unwrap_err();
    fs::remove_file(&path).unwrap();
    let said = rejected.to_string();
    assert!(said.contains("is not UTF-8") && said.contains("(line 2)"), "{said}");
}

#[test]
fn a_byte_order_mark_and_crlf_change_nothing() {
    let text = format!("\u{feff}{}", read("example.toml").replace('\n', "\r\n"));
    parse(&text).unwrap();
    let said = said("crlf.toml", "[listen.a]\r\naddress = 1\r\n");
    assert!(said.starts_with("crlf.toml:2:11: error:"), "{said}");
}

/// Every beginning of a file, and the file with one byte changed or gone.
#[test]
fn no_text_panics() {
    let text = read("everything.toml");
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        check_all(&text[..end]);
    }
    let replacements = b"\"'[]{}=.,#\n\\ 0-a\x00\x7f";
    for at in (0..text.len()).step_by(3) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = replacements[at / 3 % replacements.len()];
        check_all(&String::from_utf8_lossy(&bytes));
        bytes.remove(at);
        check_all(&String::from_utf8_lossy(&bytes));
    }
}

fn check_all(text: &str) {
    let source = Arc::new(Source::new("gateway.toml", text));
    let diagnostics = match Config::parse(source.clone(), &options()) {
        Ok((_, warnings)) => warnings,
        Err(rejected) => {
            assert!(rejected.diagnostics.has_errors(), "{text}");
            rejected.diagnostics
        }
    };
    let said = diagnostics.render(&source, true);
    assert!(!said.contains(SECRET), "{text}");
    diagnostics.to_json(&source);
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "a.".repeat(10_000),
        "a=".to_owned() + &"[".repeat(10_000),
        "[a".to_owned() + &".a".repeat(10_000) + "]",
    ] {
        check_all(&text);
    }
}
