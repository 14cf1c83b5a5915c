//! What the TOML can say.

use torana_plugin_sdk::{Size, prelude::*};

use crate::{
    body::Body,
    fields::{
        Each, HeaderOrNone, HeaderValue, Keys, Milliseconds, NotFound, OnError, Ordered, Passed,
        QueryValue,
    },
    place::Place,
    source::{Source, Template},
};

/// What the reply is composed of.
#[settings]
pub(crate) struct Settings {
    /// The parts: one call each, or one for each element of another part's array.
    pub(crate) parts: Ordered<String, Part>,
    /// The time that the whole reply may take, like "2s". Keep it below `limits.wall`.
    #[serde(default = "five_seconds")]
    #[schemars(extend("default" = "5s"))]
    pub(crate) timeout: Milliseconds,
    /// The most calls that one reply may take. A part with `each` counts with its `max`.
    #[serde(default = "Settings::max_calls")]
    pub(crate) max_calls: u32,
    /// The most bytes that what is kept of all answers may have, and the reply too.
    #[serde(default = "two_mebibytes")]
    #[schemars(extend("default" = "2MiB"))]
    pub(crate) max_bytes: Size,
    /// `cache-control` of a complete reply. An incomplete one is always `no-store`.
    #[serde(default = "Settings::no_store")]
    pub(crate) cache_control: String,
    /// Where it is said which parts are complete.
    #[serde(default)]
    pub(crate) report: Report,
}

/// Where it is said which parts are complete.
#[settings]
#[serde(default)]
pub(crate) struct Report {
    /// A header of the reply; false for none.
    pub(crate) header: HeaderOrNone,
    /// A key of the reply.
    pub(crate) field: Option<String>,
}

impl Default for Report {
    fn default() -> Self {
        let header = HeaderName::try_from("x-aggregate-parts".to_owned()).ok();
        Self { header: HeaderOrNone(header), field: None }
    }
}

/// One call, or one for each element of another part's array.
#[settings]
pub(crate) struct Part {
    /// The service: an upstream's name, or an origin, as the grant `fetch` has it.
    #[schemars(extend("x-torana-fetches" = true))]
    pub(crate) to: String,
    /// The path, without a query. Values in it are escaped.
    pub(crate) path: Template,
    /// The method: GET, or POST where there is a body.
    pub(crate) method: Option<Template>,
    /// The query's parameters. One without a value is left out.
    #[serde(default)]
    pub(crate) query: Ordered<String, QueryValue>,
    /// Headers. One without a value is left out.
    #[serde(default)]
    pub(crate) headers: Ordered<HeaderName, HeaderValue>,
    /// Headers of the request that are passed on as they came.
    #[serde(default)]
    pub(crate) forward: Vec<HeaderName>,
    /// The body, sent as JSON. Strings in it are templates; one that is a single name keeps the
    /// type of its value.
    pub(crate) body: Option<Body>,
    /// The time that the call may take, like "300ms": at most what is left of the whole.
    pub(crate) timeout: Option<Milliseconds>,
    /// What the answer is.
    #[serde(default, rename = "as")]
    pub(crate) format: Format,
    /// Where in the answer the result lies, like "data.items": a text, or a list of keys.
    pub(crate) pick: Option<Keys>,
    /// What becomes of the reply when the part does not come.
    #[serde(default)]
    pub(crate) on_error: OnError,
    /// Statuses of the answer that the reply has then itself, like [401, 404, 429]; with them go
    /// `www-authenticate` and `retry-after`.
    #[serde(default)]
    pub(crate) pass: Vec<Passed>,
    /// What a 404 means; without it, an error like others. "pass" is the same as 404 in `pass`.
    pub(crate) not_found: Option<NotFound>,
    /// Where the result goes: "key", "part.key", "." for the root, "key[]" for an array, false for
    /// nowhere. With `each`, it counts from the element. Without it, the part's name.
    pub(crate) into: Option<Place>,
    /// An array of another part, like "{parts.order.lines}": the call is made for each element.
    pub(crate) each: Option<Each>,
    /// With `each`: a key of the reply where the results stand as an array, in the place of joining
    /// them with the elements.
    pub(crate) gather: Option<Keys>,
    /// With `each`: the most calls. Without it, 10.
    pub(crate) max: Option<u32>,
}

/// What an answer is.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Json,
    /// It becomes a JSON string.
    Text,
}

fn five_seconds() -> Milliseconds {
    Milliseconds(5_000)
}

/// Opened, an object of short members takes about ten times its text: this fits the default of
/// `limits.memory` in the worst case.
fn two_mebibytes() -> Size {
    Size::of(2 << 20)
}

impl Settings {
    fn max_calls() -> u32 {
        // As many as `limits.fetches` lets through if it says nothing.
        32
    }

    fn no_store() -> String {
        "no-store".to_owned()
    }
}

impl Part {
    /// The most calls that it makes.
    pub(crate) fn calls(&self) -> u32 {
        match &self.each {
            Some(_) => self.max.unwrap_or(10),
            None => 1,
        }
    }

    /// Where its result goes, if it has this name.
    pub(crate) fn place(&self, name: &str) -> Place {
        self.into.clone().unwrap_or_else(|| Place::At(vec![name.to_owned()]))
    }

    /// Every name in its templates, with the keys of the setting where it stands.
    pub(crate) fn names(&self) -> Vec<(Vec<String>, &Source)> {
        let mut found = Names::default();
        found.of(&["path"], &self.path);
        self.method.iter().for_each(|template| found.of(&["method"], template));
        for (name, value) in &self.query.0 {
            found.of_query(name, value);
        }
        for (name, value) in &self.headers.0 {
            if let HeaderValue::Template(template) = value {
                found.of(&["headers", name], template);
            }
        }
        if let Some(body) = &self.body {
            body.names(&["body".to_owned()], &mut found.0);
        }
        found.0.extend(self.each.iter().map(|each| (vec!["each".to_owned()], &each.source)));
        found.0
    }
}

#[derive(Default)]
struct Names<'s>(Vec<(Vec<String>, &'s Source)>);

impl<'s> Names<'s> {
    fn of(&mut self, at: &[&str], template: &'s Template) {
        let at: Vec<_> = at.iter().map(|&key| key.to_owned()).collect();
        self.0.extend(template.names().map(|name| (at.clone(), name)));
    }

    fn of_query(&mut self, name: &str, value: &'s QueryValue) {
        match value {
            QueryValue::One(template) => self.of(&["query", name], template),
            QueryValue::Each(templates) => {
                for (index, template) in templates.iter().enumerate() {
                    self.of(&["query", name, &index.to_string()], template);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::settings;

    use super::*;

    #[test]
    fn parts_keep_the_order_of_the_toml() {
        let json = r#"{"parts":{"z":{"to":"s","path":"/"},"a":{"to":"s","path":"/{parts.z}"}}}"#;
        let settings: Settings = settings::parse(json).unwrap();
        let names: Vec<_> = settings.parts.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["z", "a"]);
    }

    #[test]
    fn a_default_keeps_its_spelling() {
        let json =
            r#"{"parts":{"a":{"to":"s","path":"/","on_error":{"default":{"b":1.10,"a":[]}}}}}"#;
        let settings: Settings = settings::parse(json).unwrap();
        let crate::fields::Policy::Default(value) = &settings.parts.0[0].1.on_error.0 else {
            panic!("there is a default");
        };
        assert_eq!(value, r#"{"b":1.10,"a":[]}"#);
    }

    #[test]
    fn every_name_of_a_part_has_its_place() {
        let json = r#"{"to":"s","path":"/{params.a}","method":"{request.method}",
            "query":{"q":"{params.b}","l":["x","{params.c}"]},"headers":{"X-A":"{params.d}"},
            "body":{"k":["{params.e}"]},"each":"{parts.p.q}"}"#;
        let part: Part = settings::parse(json).unwrap();
        let places: Vec<_> = part.names().iter().map(|(path, _)| path.join(".")).collect();
        let expected =
            ["path", "method", "query.q", "query.l.1", "headers.x-a", "body.k.0", "each"];
        assert_eq!(places, expected);
    }

    #[test]
    fn the_schema_says_what_there_is() {
        let schema: serde_json::Value =
            serde_json::from_str(&settings::schema::<Settings>()).unwrap();
        assert_eq!(schema["properties"]["max_calls"]["default"], 32);
        assert_eq!(schema["properties"]["timeout"]["default"], "5s");
        assert_eq!(schema["required"], serde_json::json!(["parts"]));
        let part = schema["properties"]["parts"]["additionalProperties"].to_string();
        assert_eq!(part, "{\"$ref\":\"#/definitions/Part\"}");
        let keys = schema["definitions"]["Part"]["properties"].as_object().unwrap();
        for key in ["on_error", "not_found", "each", "gather", "as", "into"] {
            assert!(keys.contains_key(key), "{key}");
        }
    }
}
