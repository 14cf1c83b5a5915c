//! With which method the service is asked.

use std::borrow::Cow;

use torana_plugin_sdk::{
    host::Request,
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::Deserialize,
};

/// A method, or the request's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(crate = "torana_plugin_sdk::serde", try_from = "String")]
pub(crate) enum Method {
    Fixed(String),
    Own,
}

impl Method {
    /// The method for the request at hand.
    pub(crate) fn of(&self, request: &impl Request) -> String {
        match self {
            Self::Fixed(method) => method.clone(),
            Self::Own => request.method(),
        }
    }
}

impl Default for Method {
    fn default() -> Self {
        Self::Fixed("GET".to_owned())
    }
}

impl TryFrom<String> for Method {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "{request.method}" {
            return Ok(Self::Own);
        }
        // Of the same characters as a header's name.
        let is_token = HeaderName::try_from(text.clone()).is_ok();
        if !is_token || ["CONNECT", "TRACE"].contains(&text.as_str()) {
            return Err(format!(
                "`{text}` is no method to ask with: write \"GET\", or \"{{request.method}}\" for the \
                 request's own"
            ));
        }
        Ok(Self::Fixed(text))
    }
}

impl JsonSchema for Method {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Method".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
