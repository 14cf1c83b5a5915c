//! Names in plugins' settings that lead nowhere: requests alone would tell, each of them.

use std::fs;

use tempfile::TempDir;
use torana_tests::{
    command::{Ended, torana},
    toml,
};

use super::{assert_refused, file, position};
use crate::guests::{PATIENT, handled};

/// Somebody of the tier `gold`, whose upstream is called so.
fn keys(upstream: &str) -> String {
    let hash = "sha256:ACMEacme:AAECAwQFBgcICQoLDA0ODw:yWOVnhjHdw4JB09yx45hmBeH7KvYnGpEEpHAc6beZTE";
    let consumer = format!("{{ id = \"acme\", tier = \"gold\", keys = [\"{hash}\"] }}");
    let config =
        format!("config = {{ consumers = [{consumer}], upstreams = {{ gold = \"{upstream}\" }} }}");
    bundled("api-key", "request-edit = true, attributes = [\"consumer.id\"]", &config)
}

const QUOTA: &str = "rate-limit = true, response-edit = true";
const HEADERS: &str = "request-edit = true, response-edit = true";

fn bundled(component: &str, grants: &str, config: &str) -> String {
    format!(
        "\n[plugins.p]\ncomponent = \"{component}\"\ngrants = {{ {grants} }}\n{PATIENT}\n{config}\n"
    )
}

/// A route with the parameter `id`.
fn users(more: &str) -> String {
    let keys = "match = { path = \"/users/{id}\" }\nupstream = \"service\"";
    toml::route("users", &format!("{keys}\n{more}"))
}

/// One without any.
fn orders(more: &str) -> String {
    let keys = "match = { path = \"/orders\" }\nupstream = \"service\"";
    toml::route("orders", &format!("{keys}\n{more}"))
}

fn gold() -> String {
    toml::upstream("gold", "127.0.0.1:9002".parse().expect("an address"))
}

const CHAIN: &str = "chain = [\"p\"]";

fn check(toml: &str) -> Ended {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("gateway.toml"), toml).expect("writing the file");
    torana(folder.path(), &["check", "gateway.toml"])
}

#[track_caller]
fn assert_good(toml: &str) {
    let said = check(toml).expect(0).text();
    assert!(!said.contains("warning"), "{said}");
}

/// With the plugin in the listener's chain.
fn before_all_routes(entry: &str, rest: &[&str]) -> String {
    let chained = toml::LISTEN.replace("[listen.public]", "[listen.public]\nchain = [\"p\"]");
    file(&[entry, &rest.concat()]).replace(toml::LISTEN, &chained)
}

#[test]
fn an_upstream_that_the_route_does_not_name() {
    let toml = file(&[&gold(), &keys("echo-gold"), &users(CHAIN)]);
    let texts = [
        "plugin `p`, setting `upstreams.gold`: `echo-gold` is neither the `upstream` nor one of the \
         `alternatives` of route `users`",
        "add it to the `alternatives` of the route, or name one of its upstreams: `service`",
    ];
    assert_refused(&toml, "\"echo-gold\"", &texts, &[]);

    let known = format!("{CHAIN}\nalternatives = [\"gold\"]");
    let toml = file(&[&gold(), &keys("glod"), &users(&known)]);
    assert_refused(&toml, "\"glod\"", &["did you mean `gold`?"], &[]);
    assert_good(&file(&[&gold(), &keys("gold"), &users(&known)]));
    let shares = "[{ upstream = \"service\", weight = 1 }, { upstream = \"gold\", weight = 1 }]";
    let split = format!("match = {{ path = \"/\" }}\nsplit = {shares}\nchain = [\"p\"]");
    assert_good(&file(&[&gold(), &keys("gold"), &toml::route("split", &split)]));

    // It is one of them all the same, and not of the other.
    let toml = file(&[&gold(), &keys("gold"), &users(&known), &orders(CHAIN)]);
    let said = assert_refused(&toml, "\"gold\" } }", &["of route `orders`"], &[]);
    assert!(!said.contains("route `users`"), "{said}");
}

#[test]
fn a_header_that_is_not_granted() {
    let of_header = "config = { request = { set = { x-b = \"{request.header.authorization}\" } } }";
    let rule = "config.rules = [{ effect = \"allow\", when = 'headers.authorization == \"b\"' }]";
    for (component, grants, config, at, setting) in [
        (
            "quota",
            QUOTA,
            "config = { limit = \"9/1m\", key = \"request.header.authorization\" }",
            "\"request.header.authorization\"",
            "key",
        ),
        (
            "require",
            "",
            "config.headers = [\"authorization\"]",
            "[\"authorization\"]",
            "headers.authorization",
        ),
        ("headers", HEADERS, of_header, "\"{request", "request.set.x-b"),
        ("authz", "", rule, "'headers.", "rules.0.when"),
        (
            "bff-shape",
            "request-edit = true, response-edit = true, response-body = \"read-write\"",
            "config = { profiles.a = {}, sources = [{ header = \"authorization\" }] }",
            "\"authorization\"",
            "sources.0.header",
        ),
        (
            "jwt-auth",
            "request-edit = true, crypto = true, kv = true, fetch = [\"https://idp.example\"]",
            "config = { issuer = \"https://idp.example\", audience = \"shop\" }",
            "{ issuer",
            "token.header",
        ),
    ] {
        let toml = file(&[&bundled(component, grants, config), &users(CHAIN)]);
        let told = format!(
            "plugin `p`, setting `{setting}`: header `authorization` is not granted: add headers = \
             {{ read = [\"authorization\"] }}"
        );
        assert_refused(&toml, at, &[&told], &[]);
        let granted =
            toml.replace("grants = { ", "grants = { headers.read = [\"authorization\"], ");
        assert_good(&granted);
    }
}

#[test]
fn a_header_that_a_handler_would_pass_on() {
    let config =
        "config.parts.a = { to = \"service\", path = \"/\", forward = [\"authorization\"] }";
    let entry = bundled("aggregate", "fetch = [\"service\"]", config);
    let toml = file(&[&entry, &handled("[\"p\"]")]);
    let told = "setting `parts.a.forward.0`: header `authorization` is not granted";
    assert_refused(&toml, "\"authorization\"", &[told], &[]);
}

#[test]
fn a_header_that_may_not_be_written() {
    let config = "config.request.set = { authorization = \"Bearer {attributes.token}\" }";
    let toml = file(&[&bundled("headers", HEADERS, config), &users(CHAIN)]);
    assert_refused(&toml, "\"Bearer", &["add headers = { write = [\"authorization\"] }"], &[]);
}

#[test]
fn a_parameter_without_which_nobody_gets_through() {
    let entry = bundled("quota", QUOTA, "config = { limit = \"9/1m\", key = \"params.idd\" }");
    let toml = file(&[&entry, &users(CHAIN)]);
    let told = "plugin `p`, setting `key`: the path of route `users` has no `{idd}`";
    assert_refused(&toml, "\"params.idd\"", &[told, "did you mean `id`?"], &[]);
    let toml = toml.replace("{id}", "{*rest}");
    assert_refused(&toml, "\"params.idd\"", &["the path's parameters are: `rest`"], &[]);
    assert_good(&toml.replace("params.idd", "params.rest"));

    let chain = "chain = [{ plugin = \"p\", config.key = \"params.nr\" }]";
    let toml = file(&[&entry.replace("idd", "id"), &users(CHAIN), &orders(chain)]);
    assert_refused(&toml, "\"params.nr\"", &["the path of route `orders` has no `{nr}`"], &[]);

    let parts = "config.parts.a = { to = \"service\", path = \"/{params.idd}\" }";
    let entry = bundled("aggregate", "fetch = [\"service\"]", parts);
    let toml = file(&[&entry, &handled("[\"p\"]")]);
    let told = "setting `parts.a.path`: the path of route `all` has no `{idd}`";
    assert_refused(&toml, "\"/{params.idd}\"", &[told], &[]);
}

#[test]
fn a_parameter_that_may_be_absent_is_a_warning_where_no_route_has_it() {
    let rule = "config.rules = [{ effect = \"allow\", when = 'params.idd == \"7\"' }]";
    let template = "config.request.set = { x-user = \"{params.idd}\" }";
    let quota = "config = { limit = \"9/1m\", key = \"params.idd\", missing_key = \"ip\" }";
    for (entry, at) in [
        (bundled("authz", "", rule), "'params.idd"),
        (bundled("headers", HEADERS, template), "\"{params.idd}\""),
        (bundled("quota", QUOTA, quota), "\"params.idd\""),
    ] {
        let toml = file(&[&entry, &users(CHAIN), &orders(CHAIN)]);
        let said = check(&toml).expect(0).stderr;
        let place = position(&toml, at).replace("error", "warning");
        let told = "no route that it works for has `{idd}` in its path";
        let lines: Vec<_> = said.lines().filter(|line| line.contains(told)).collect();
        assert!(lines.len() == 1 && lines[0].starts_with(&place), "{place}\n{said}");
        assert_good(&toml.replace("params.idd", "params.id"));
    }
    let template = template.replace("idd", "idd:-nobody");
    assert_good(&file(&[&bundled("headers", HEADERS, &template), &users(CHAIN)]));
}

#[test]
fn before_all_routes_of_a_listener_one_of_them_is_enough() {
    let alternatives = users("alternatives = [\"gold\"]");
    let good = before_all_routes(&keys("gold"), &[&gold(), &alternatives, &orders("")]);
    assert_good(&good);
    let toml = good.replace("alternatives = [\"gold\"]", "");
    let told = "of any route of listener `public`";
    assert_refused(&toml, "\"gold\" } }", &["setting `upstreams.gold`", told], &[]);

    let entry = bundled("quota", QUOTA, "config = { limit = \"9/1m\", key = \"params.id\" }");
    assert_good(&before_all_routes(&entry, &[&users(""), &orders("")]));
    let toml = before_all_routes(&entry, &[&orders("")]);
    let told = "no route of listener `public` has `{id}` in its path";
    assert_refused(&toml, "\"params.id\"", &[told], &[]);
}
