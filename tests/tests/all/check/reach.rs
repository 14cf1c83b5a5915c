//! Whom settings name must be granted.

use super::*;

const COMPOSED: &str = r#"
[listen.public]
address = "127.0.0.1:8080"

[upstreams.catalog]
targets = ["127.0.0.1:9001"]

[upstreams.stock]
targets = ["127.0.0.1:9002"]

[plugins.details]
component = "aggregate"
grants = { fetch = ["catalog", "stock"] }

[plugins.details.config.parts.product]
to = "catalog"
path = "/products/{params.id}"

[plugins.details.config.parts.stock]
to = "stock"
path = "/stock/{params.id}"

[[routes]]
name = "details"
match = { path = "/products/{id}" }
chain = ["details"]

[[routes]]
name = "stock"
match = { path = "/stock/{id}" }
upstream = "stock"
"#;

#[test]
fn a_service_that_a_setting_names_must_be_granted() {
    check(COMPOSED).expect(0);
    let toml = COMPOSED.replace("[\"catalog\", \"stock\"]", "[\"catalog\"]");
    let text = refused_at(&toml, "\"stock\"");
    let why = "plugin `details`, setting `parts.stock.to`: it calls `stock`, which is not granted";
    assert_says(&text, &[why, "add \"stock\" to `fetch` of its grants"]);
}

#[test]
fn a_service_that_a_setting_misspells_is_guessed() {
    let toml = COMPOSED.replace("to = \"catalog\"", "to = \"catlog\"");
    let text = refused_at(&toml, "\"catlog\"");
    assert_says(&text, &["setting `parts.product.to`", "did you mean \"catalog\"?"]);
}

/// A plugin that asks whoever issued a token for the keys.
fn issued(fetch: &str, more: &str) -> String {
    let plugin = format!(
        "\n[plugins.jwt]\ncomponent = \"jwt-auth\"\n\
         grants = {{ crypto = true, kv = true, request-edit = true, fetch = [{fetch}], \
         headers = {{ read = [\"authorization\"] }}, \
         attributes = [\"consumer.id\", \"auth.scopes\", \"auth.claims\"] }}\n\
         config.audience = \"shop\"\nconfig.issuer = \"https://idp.example/realm\"\n{more}\n"
    );
    let toml = GOOD.replace("chain = [\"headers\"]", "chain = [\"jwt\", \"headers\"]");
    [toml.as_str(), &plugin].concat()
}

#[test]
fn an_origin_that_a_setting_names_must_be_granted() {
    check(&issued("\"https://idp.example\"", "")).expect(0);
    let text = refused_at(&issued("", ""), "\"https://idp.example/realm\"");
    let add = "add \"https://idp.example\" to `fetch` of its grants";
    assert_says(&text, &["setting `issuer`: it calls `https://idp.example`", add]);
    let jwks = "config.jwks = { upstream = \"catalog\", path = \"/jwks\" }";
    check(&issued("\"catalog\"", jwks)).expect(0);
    assert_says(&refused_at(&issued("", jwks), "\"catalog\", path"), &["setting `jwks.upstream`"]);
    let jwks = "config.jwks = \"https://keys.example/jwks\"";
    assert_says(
        &refused_at(&issued("\"https://idp.example\"", jwks), "\"https://keys.example/jwks\""),
        &["add \"https://keys.example\" to `fetch`"],
    );
}
