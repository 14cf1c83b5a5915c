//! What the TOML can say.

mod told;
mod values;

use std::collections::BTreeMap;

use torana_plugin_sdk::{Size, prelude::*};

pub(crate) use self::values::*;
use crate::{
    convert::{self, Convention, Duplicates, Infer, Limits, Namespaces, Nulls, Options},
    translate::{Soap, Translation},
    xml::{Prefixes, bad_declaration, chars},
};

/// How bodies are translated.
#[settings]
#[derive(Clone, Default)]
#[serde(default)]
pub(crate) struct Settings {
    /// What the service speaks. Clients may speak either.
    pub(crate) service: Format,
    /// What of an element goes where in JSON.
    pub(crate) convention: ConventionName,
    /// The root element that JSON documents do not have: it is left out where it has this name, and
    /// put around every document on the way back.
    pub(crate) root: Option<String>,
    /// The name of elements for the items of arrays in arrays, and of an array under `root`.
    pub(crate) item: Option<String>,
    /// What is an array even with one element: paths like `order.line`, `**.line`.
    pub(crate) arrays: Vec<Path>,
    /// The types of text by path: `{ "order.total" = "number" }`.
    #[serde(deserialize_with = "told::types")]
    pub(crate) types: BTreeMap<Path, TypeName>,
    /// What text may become by its look.
    pub(crate) infer: Vec<Inferred>,
    /// What becomes of prefixes.
    pub(crate) namespaces: NamespaceRule,
    /// For `namespaces = "map"`: the prefixes of JSON keys, each with its namespace. The empty prefix
    /// is for elements alone.
    pub(crate) prefixes: BTreeMap<String, String>,
    /// What becomes of comments.
    pub(crate) comments: CommentRule,
    /// What becomes of white space around text.
    pub(crate) whitespace: SpaceRule,
    /// What becomes of JSON keys that are no names of XML.
    pub(crate) names: NameRule,
    /// What becomes of a JSON object that has a key twice.
    pub(crate) duplicates: DuplicateRule,
    /// What becomes of null in JSON.
    pub(crate) nulls: NullRule,
    /// What becomes of requests that are neither XML nor JSON, or accept neither.
    pub(crate) other: OtherRule,
    /// What becomes of requests that announce a document and have no bytes of one.
    pub(crate) empty: EmptyRule,
    /// XML bodies are envelopes of SOAP of this version.
    pub(crate) soap: Option<SoapVersion>,
    /// The action of SOAP requests to the service.
    pub(crate) soap_action: Option<String>,
    /// Namespaces of SOAP header blocks that may be marked `mustUnderstand`.
    pub(crate) soap_understood: Vec<String>,
    /// What documents may be.
    pub(crate) limits: LimitSettings,
}

/// What documents may be.
#[settings]
#[derive(Clone, Debug)]
#[serde(default)]
pub(crate) struct LimitSettings {
    /// Elements, or JSON values, in one another.
    #[schemars(range(min = 1, max = 256))]
    pub(crate) depth: usize,
    /// Elements of a document, or values of a JSON document.
    #[schemars(range(min = 1))]
    pub(crate) elements: usize,
    /// Attributes of an element.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) attributes: usize,
    /// Bytes of a name.
    #[schemars(range(min = 1, max = 65_536))]
    pub(crate) name: usize,
    /// Size of a translated body.
    pub(crate) output: Size,
}

impl Default for LimitSettings {
    fn default() -> Self {
        let Limits { depth, elements, attributes, name, output } = Limits::default();
        Self { depth, elements, attributes, name, output: Size::of(output) }
    }
}

impl Settings {
    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        self.check_names(&mut errors);
        self.check_prefixes(&mut errors);
        self.check_soap(&mut errors);
        self.limits.check(&mut errors);
        if self.comments == CommentRule::Keep && self.convention != ConventionName::Xmltodict {
            let text = "only the convention `xmltodict` has a place for comments: write \"drop\"";
            errors.add(["comments"], text);
        }
        errors.or(())
    }

    fn check_names(&self, errors: &mut SettingErrors) {
        if self.convention == ConventionName::Parker && self.root.is_none() {
            let text =
                "`parker` leaves the root element out: write its name here, for the way back";
            errors.add(["root"], text);
        }
        for (setting, name) in [("root", &self.root), ("item", &self.item)] {
            let Some(name) = name else { continue };
            let prefix = name.split_once(':').map(|(prefix, _)| prefix);
            if !chars::is_qualified_name(name) {
                errors.add([setting], format!("`{name}` is not the name of an XML element"));
            } else if let Some(prefix) = prefix.filter(|&prefix| !self.has_prefix(prefix)) {
                let text = format!("prefix `{prefix}` is not in `prefixes`");
                errors.add([setting], text);
            }
        }
    }

    fn has_prefix(&self, prefix: &str) -> bool {
        self.namespaces == NamespaceRule::Map && self.prefixes.contains_key(prefix)
    }

    fn check_prefixes(&self, errors: &mut SettingErrors) {
        if self.namespaces == NamespaceRule::Map && self.prefixes.is_empty() {
            errors.add(["prefixes"], "`map` needs prefixes: write { p = \"urn:example\" }");
        }
        if self.namespaces != NamespaceRule::Map && !self.prefixes.is_empty() {
            errors.add(["prefixes"], "prefixes need `namespaces = \"map\"`");
        }
        for (prefix, uri) in &self.prefixes {
            let is_name =
                prefix.is_empty() || (chars::is_qualified_name(prefix) && !prefix.contains(':'));
            let wrong = match bad_declaration(prefix, uri) {
                _ if !is_name => Some("not a prefix: letters, digits, `-`, `_` and `.`"),
                Some(why) => Some(why),
                _ if uri.is_empty() || chars::illegal(uri).is_some() => Some("not a namespace"),
                None => None,
            };
            if let Some(text) = wrong {
                errors.add(["prefixes", prefix], text);
            }
        }
    }

    fn check_soap(&self, errors: &mut SettingErrors) {
        if let Some(action) = &self.soap_action {
            let is_text = action.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
            if self.soap.is_none() || self.service != Format::Xml {
                errors.add(["soap_action"], "it needs `soap` and `service = \"xml\"`");
            } else if !is_text {
                errors.add(["soap_action"], "an action is a URI, without quotes around it");
            }
        }
        if self.soap.is_none() && !self.soap_understood.is_empty() {
            errors.add(["soap_understood"], "it needs `soap`");
        }
    }

    /// The same, as the translation has it.
    pub(crate) fn translation(&self) -> Translation {
        let Self { convention, root, item, namespaces, prefixes, .. } = self;
        let arrays = self.arrays.iter().filter_map(|path| Some((path.pattern()?, ())));
        let types = self
            .types
            .iter()
            .filter_map(|(path, name)| Some((path.pattern()?, convert::Type::from(*name))));
        let options = Options {
            shape: Convention::from(*convention).shape(),
            root: root.clone(),
            item: item.clone(),
            arrays: arrays.collect(),
            types: types.collect(),
            infer: Infer {
                numbers: self.infer.contains(&Inferred::Numbers),
                booleans: self.infer.contains(&Inferred::Booleans),
            },
            namespaces: match namespaces {
                NamespaceRule::Keep => Namespaces::Keep,
                NamespaceRule::Strip => Namespaces::Strip,
                NamespaceRule::Map => Namespaces::Map,
            },
            prefixes: Prefixes(prefixes.clone()),
            comments: self.comments == CommentRule::Keep,
            trim: self.whitespace == SpaceRule::Trim,
            escape: self.names == NameRule::Escape,
            duplicates: match self.duplicates {
                DuplicateRule::Refuse => Duplicates::Refuse,
                DuplicateRule::Last => Duplicates::Last,
            },
            nulls: match self.nulls {
                NullRule::Empty => Nulls::Empty,
                NullRule::Omit => Nulls::Omit,
            },
            lenient: false,
            limits: self.limits.limits(),
        };
        let soap = self.soap.map(|version| Soap {
            version: version.version(),
            action: self.soap_action.clone().unwrap_or_default(),
            understood: self.soap_understood.clone(),
        });
        Translation { options, soap }
    }
}

impl LimitSettings {
    fn check(&self, errors: &mut SettingErrors) {
        let ranges = [
            ("depth", self.depth, 256),
            ("elements", self.elements, usize::MAX),
            ("attributes", self.attributes, 10_000),
            ("name", self.name, 65_536),
        ];
        for (setting, value, most) in ranges {
            if value == 0 {
                errors.add(["limits", setting], "nothing would pass: write at least 1");
            } else if value > most {
                errors.add(["limits", setting], format!("too much: write at most {most}"));
            }
        }
    }

    fn limits(&self) -> Limits {
        let Self { depth, elements, attributes, name, output } = *self;
        Limits { depth, elements, attributes, name, output: output.bytes() }
    }
}
