//! A compiled schema: nodes that refer to each other by number.

use std::collections::BTreeMap;

use regex::Regex;

use crate::{
    format::Format,
    json::{Decimal, Value},
};

/// Schemas that may refer to each other.
#[derive(Debug, Default)]
pub(crate) struct Set {
    pub(crate) nodes: Vec<Node>,
    pub(crate) resources: Vec<Resource>,
    /// Whether somebody asks what others have looked at.
    pub(crate) tracks: bool,
}

/// The place of a node in its set.
pub(crate) type NodeId = usize;

/// One schema.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Where it stands, as a reference: `#/properties/total`.
    pub(crate) place: String,
    /// Its resource: what `$id` begins.
    pub(crate) resource: usize,
    pub(crate) keywords: Vec<Keyword>,
}

/// What a `$dynamicRef` or `$recursiveRef` finds in a resource.
#[derive(Debug, Default)]
pub(crate) struct Resource {
    pub(crate) dynamic: BTreeMap<String, NodeId>,
    pub(crate) recursive: Option<NodeId>,
}

/// A keyword of a schema.
#[derive(Debug)]
pub(crate) struct Keyword {
    pub(crate) name: &'static str,
    pub(crate) check: Check,
}

/// What a keyword asks for.
#[derive(Debug)]
pub(crate) enum Check {
    /// The schema `false`.
    Never,
    Type(Types),
    Const(Value<'static>),
    Enum(Vec<Value<'static>>),
    Bound(Bound, Decimal, String),
    MultipleOf(Decimal, String),
    /// How much there may be of something.
    Least(Counted, usize),
    Most(Counted, usize),
    Pattern(Regex),
    Format(Format),
    Unique,
    Items(Items),
    Contains {
        node: NodeId,
        least: usize,
        most: Option<usize>,
        counts: bool,
    },
    Required(Vec<String>),
    DependentRequired(Vec<(String, Vec<String>)>),
    DependentSchemas(Vec<(String, NodeId)>),
    PropertyNames(NodeId),
    Properties(Properties),
    All(Vec<NodeId>),
    Any(Vec<NodeId>),
    One(Vec<NodeId>),
    Not(NodeId),
    If {
        test: NodeId,
        then: Option<NodeId>,
        otherwise: Option<NodeId>,
    },
    Ref(NodeId),
    DynamicRef(NodeId, String),
    RecursiveRef(NodeId),
    UnevaluatedItems(NodeId),
    UnevaluatedProperties(NodeId),
}

/// On which side of a limit a number is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtLeast,
    Above,
    AtMost,
    Below,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counted {
    Characters,
    Items,
    Members,
}

/// Schemas for the items of an array.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) first: Vec<NodeId>,
    pub(crate) rest: Option<NodeId>,
}

/// Schemas for the members of an object.
#[derive(Debug, Default)]
pub(crate) struct Properties {
    pub(crate) named: BTreeMap<String, NodeId>,
    pub(crate) patterns: Vec<(Regex, NodeId)>,
    pub(crate) additional: Option<NodeId>,
}

/// A type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// Types, one of which a value has to have.
#[derive(Clone, Debug)]
pub(crate) struct Types {
    pub(crate) types: Vec<Type>,
    /// Whether 1.0 is no integer: so draft 4 has it.
    pub(crate) as_written: bool,
}

impl Type {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Null, "null"),
        (Self::Boolean, "boolean"),
        (Self::Integer, "integer"),
        (Self::Number, "number"),
        (Self::String, "string"),
        (Self::Array, "array"),
        (Self::Object, "object"),
    ];

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

impl Types {
    pub(crate) fn hold(&self, value: &Value<'_>) -> bool {
        self.types.iter().any(|kind| match (kind, value) {
            (Type::Integer, Value::Number(text)) if self.as_written => {
                !text.contains(['.', 'e', 'E'])
            }
            (Type::Integer, Value::Number(text)) => Decimal::parse(text).is_integer(),
            (Type::Null, Value::Null)
            | (Type::Boolean, Value::Bool(_))
            | (Type::Number, Value::Number(_))
            | (Type::String, Value::String(_))
            | (Type::Array, Value::Array(_))
            | (Type::Object, Value::Object(_)) => true,
            _ => false,
        })
    }
}
