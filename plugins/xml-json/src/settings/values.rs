//! What single settings can be.

use torana_plugin_sdk::prelude::*;

use crate::{
    convert::{self, Convention, Pattern},
    error::Language,
    soap::Version,
};

/// A language of bodies.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Json,
    Xml,
}

impl From<Format> for Language {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Xml => Self::Xml,
        }
    }
}

/// A convention.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConventionName {
    /// `{"a": {"@id": "1", "b": ["x", "y"], "#text": "z"}}`
    #[default]
    Xmltodict,
    /// `{"a": {"@id": "1", "b": [{"$": "x"}, {"$": "y"}], "$": "z"}}`
    Badgerfish,
    /// `{"b": ["x", "y"]}`: no root, no attributes. It needs `root`.
    Parker,
}

impl From<ConventionName> for Convention {
    fn from(name: ConventionName) -> Self {
        match name {
            ConventionName::Xmltodict => Self::Xmltodict,
            ConventionName::Badgerfish => Self::Badgerfish,
            ConventionName::Parker => Self::Parker,
        }
    }
}

/// A type of JSON.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TypeName {
    /// Text, even if it looks otherwise; an empty element is empty text.
    String,
    /// A decimal or double.
    Number,
    /// A number without fraction and exponent.
    Integer,
    /// `true`, `false`, `1` or `0`.
    Boolean,
}

impl From<TypeName> for convert::Type {
    fn from(name: TypeName) -> Self {
        match name {
            TypeName::String => Self::String,
            TypeName::Number => Self::Number,
            TypeName::Integer => Self::Integer,
            TypeName::Boolean => Self::Boolean,
        }
    }
}

/// What text may become by its look.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Inferred {
    /// A number, if JSON would write it so: `007` is none.
    Numbers,
    /// `true` and `false`.
    Booleans,
}

/// What becomes of prefixes.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NamespaceRule {
    /// They and their declarations stay as they are.
    #[default]
    Keep,
    /// They and their declarations go.
    Strip,
    /// They are those of `prefixes`.
    Map,
}

/// What becomes of comments.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CommentRule {
    /// They go.
    #[default]
    Drop,
    /// They stand under `#comment`.
    Keep,
}

/// What becomes of white space around text.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SpaceRule {
    /// It goes.
    #[default]
    Trim,
    /// It stays, even between elements.
    Keep,
}

/// What becomes of JSON keys that are no names of XML.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NameRule {
    /// The document is refused.
    #[default]
    Refuse,
    /// `_xHHHH_` stands for a character, both ways.
    Escape,
}

/// What becomes of a JSON object that has a key twice.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DuplicateRule {
    /// The document is refused.
    #[default]
    Refuse,
    /// The last one counts.
    Last,
}

/// What becomes of null in JSON.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NullRule {
    /// It becomes an empty element.
    #[default]
    Empty,
    /// It goes.
    Omit,
}

/// What becomes of requests that are neither XML nor JSON.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OtherRule {
    /// They are refused: 415 for their body, 406 for what they accept.
    #[default]
    Refuse,
    /// They go through untouched.
    Pass,
}

/// What becomes of requests that announce a document and have no bytes of one.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EmptyRule {
    /// They go through untouched.
    #[default]
    Pass,
    /// They are not well-formed: 400.
    Refuse,
}

/// A version of SOAP.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SoapVersion {
    /// SOAP 1.1.
    #[serde(rename = "1.1")]
    V11,
    /// SOAP 1.2.
    #[serde(rename = "1.2")]
    V12,
    /// That of the client; 1.1 for services.
    #[serde(rename = "auto")]
    Auto,
}

impl SoapVersion {
    /// The version, if it is given.
    pub(crate) fn version(self) -> Option<Version> {
        match self {
            Self::V11 => Some(Version::V11),
            Self::V12 => Some(Version::V12),
            Self::Auto => None,
        }
    }
}

/// A path to places of JSON documents.
#[settings]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub(crate) struct Path(String);

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Pattern::parse(&text)?;
        Ok(Self(text))
    }
}

impl Path {
    /// (It was checked when it was read.)
    pub(crate) fn pattern(&self) -> Option<Pattern> {
        Pattern::parse(&self.0).ok()
    }
}
