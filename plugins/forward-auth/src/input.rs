//! The `input` of a policy: what it may know of the request.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;
use template::Fault;
use torana_plugin_sdk::prelude::*;

/// As it stands in the body of the question.
#[derive(Serialize)]
pub(crate) struct Question<'a> {
    input: Input<'a>,
}

#[derive(Serialize)]
struct Input<'a> {
    method: String,
    scheme: String,
    host: String,
    /// As it was received.
    path: String,
    /// The same in pieces, decoded.
    segments: Vec<String>,
    /// Every value of each parameter. A single one is a list as well: a rule that looks for a text would not see it in
    /// a list, and who may repeat a parameter could choose what it sees.
    query: BTreeMap<String, Vec<String>>,
    /// Those of `forward`, each a list for the same reason.
    headers: BTreeMap<&'a str, Vec<String>>,
    client: String,
    route: String,
    consumer: Consumer,
    scopes: Vec<String>,
    claims: Value,
}

#[derive(Serialize)]
struct Consumer {
    id: Option<String>,
    tier: Option<String>,
}

impl<'a> Question<'a> {
    /// What is asked of the request at hand, whose `headers` may be told.
    pub(crate) fn of(
        headers: Vec<(&'a str, Vec<String>)>,
        host: &impl Host,
    ) -> Result<Self, Fault> {
        let request = host.request();
        let attribute = |name: &str| host.attributes().get(name);
        let path = request.path();
        let scopes = attribute("auth.scopes").unwrap_or_default();
        let input = Input {
            method: request.method(),
            scheme: request.scheme(),
            host: request.authority(),
            segments: segments(&path).ok_or_else(|| no_text("path"))?,
            path,
            query: query(request.query().as_deref().unwrap_or_default())
                .ok_or_else(|| no_text("query"))?,
            headers: headers.into_iter().collect(),
            client: request.client_address(),
            route: request.route(),
            consumer: Consumer { id: attribute("consumer.id"), tier: attribute("consumer.tier") },
            scopes: scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            claims: claims(attribute("auth.claims"))?,
        };
        Ok(Self { input })
    }
}

/// `null` where there are none.
fn claims(text: Option<String>) -> Result<Value, Failure> {
    text.map_or(Ok(Value::Null), |text| Ok(serde_json::from_str(&text)?))
}

fn no_text(what: &str) -> Fault {
    Fault::Client(format!("The {what} is not UTF-8."))
}

/// None for what is not UTF-8: a policy cannot tell what a service would make of it.
fn segments(path: &str) -> Option<Vec<String>> {
    let decoded = |segment| percent_decode_str(segment).decode_utf8().ok().map(Into::into);
    path.trim_start_matches('/').split('/').map(decoded).collect()
}

/// None in the same case.
fn query(text: &str) -> Option<BTreeMap<String, Vec<String>>> {
    percent_decode_str(text).decode_utf8().ok()?;
    let mut values = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        values.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::fake::FakeHost;

    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_by_segments() {
        let all = |path| segments(path).unwrap();
        assert_eq!(all("/a/b%20c/%2541"), ["a", "b c", "%41"]);
        assert_eq!(all("/"), [""]);
        assert_eq!(all("/a/"), ["a", ""]);
        assert_eq!(segments("/%ff"), None);
    }

    #[test]
    fn every_value_of_a_parameter_is_there() {
        let values = query("a=1&b=%20x+y&a=2&c").unwrap();
        assert_eq!(values["a"], ["1", "2"]);
        assert_eq!(values["b"], [" x y"]);
        assert_eq!(values["c"], [""]);
        assert_eq!(query("a=1&b=%ff"), None);
    }

    #[test]
    fn broken_claims_are_no_input() {
        let host = FakeHost::get("/").with_attribute("auth.claims", "{\"sub\"");
        assert!(matches!(Question::of(Vec::new(), &host), Err(Fault::Hook(_))));
        let host = FakeHost::get("/%ff");
        assert!(matches!(Question::of(Vec::new(), &host), Err(Fault::Client(_))));
    }
}
