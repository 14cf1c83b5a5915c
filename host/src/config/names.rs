//! The names that a file gives, and what refers to them.

use std::{cell::RefCell, collections::BTreeSet};

use toml::de::{DeTable, DeValue};

use super::{
    Diagnostic, Span,
    fault::{Fault, join, nearest, quote},
    value::Text,
};

/// Names are labels in metrics and parts of keys in stores.
const LONGEST: usize = 64;

/// All that can be referred to by name. It is filled from the keys alone, before any table is
/// looked at, so that a mistake inside a table is not also reported as a missing name.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) listeners: Registry,
    pub(super) upstreams: Registry,
    pub(super) secrets: Registry,
    pub(super) plugins: Registry,
    pub(super) chains: Registry,
}

impl Names {
    pub(super) fn collect(root: &DeTable<'_>) -> Self {
        let registry = |section, thing| Registry {
            section,
            thing,
            names: names_under(root, section),
            used: RefCell::default(),
        };
        Self {
            listeners: registry("listen", "listener"),
            upstreams: registry("upstreams", "upstream"),
            secrets: registry("secrets", "secret"),
            plugins: registry("plugins", "plugin"),
            chains: registry("chains", "chain"),
        }
    }
}

fn names_under(root: &DeTable<'_>, section: &str) -> Vec<(String, Span)> {
    let Some(DeValue::Table(table)) = root.get(section).map(|value| value.get_ref()) else {
        return Vec::new();
    };
    table.keys().map(|key| (key.get_ref().to_string(), key.span().into())).collect()
}

/// The names of one kind of thing.
#[derive(Debug)]
pub(super) struct Registry {
    section: &'static str,
    thing: &'static str,
    names: Vec<(String, Span)>,
    used: RefCell<BTreeSet<String>>,
}

impl Registry {
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|(known, _)| known == name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Notes that something uses `name`.
    pub(super) fn mark(&self, name: &str) {
        self.used.borrow_mut().insert(name.to_owned());
    }

    /// Names that nothing uses, and where they stand.
    pub(super) fn unused(&self) -> Vec<(&str, Span)> {
        let used = self.used.borrow();
        let all = self.names.iter().filter(|(name, _)| !used.contains(name));
        all.map(|(name, span)| (name.as_str(), *span)).collect()
    }

    /// The name that was probably meant.
    pub(super) fn nearest(&self, wrong: &str) -> Option<&str> {
        nearest(wrong, self.names.iter().map(|(name, _)| name.as_str()))
    }

    /// Says that there is no `name`, and what there is.
    pub(super) fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let (section, thing) = (self.section, self.thing);
        let shown = if check(name, false).is_ok() { name } else { "NAME" };
        let help = match self.nearest(name) {
            Some(near) => format!("did you mean {}?", quote(near)),
            None if self.names.is_empty() => format!("add [{section}.{shown}]"),
            None => format!("{}; or add [{section}.{shown}]", self.listed()),
        };
        Diagnostic::error(span, format!("there is no {thing} {}", quote(name)))
            .label(format!("no such table under [{section}]"))
            .help(help)
    }

    /// The same for a name that the file gives; what came from outside the file is not shown.
    pub(super) fn unknown_text(&self, text: &Text<'_>) -> Diagnostic {
        if !text.is_from_outside() {
            return self.unknown(&text.text, text.span);
        }
        let (section, thing) = (self.section, self.thing);
        let message = format!("{} is the name of no {thing}", text.subject);
        let help = match self.names.is_empty() {
            true => format!("add [{section}.NAME]"),
            false => self.listed(),
        };
        let label = format!("no such table under [{section}]");
        Diagnostic::error(text.span, message).label(label).help(help)
    }

    fn listed(&self) -> String {
        let names: Vec<_> = self.names.iter().map(|(name, _)| quote(name)).take(12).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        let plural = if names.len() == 1 { "" } else { "s" };
        format!("the {}{plural} of this file {verb} {}", self.thing, join(&names, "and"))
    }
}

/// Checks a name that the file gives. `dots`: whether it may have any.
pub(super) fn check(name: &str, dots: bool) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || (dots && c == '.');
    let fault = Fault::new("is not a name");
    if name.is_empty() {
        return Err(fault.help("a name cannot be empty"));
    }
    if name.len() > LONGEST {
        return Err(fault.help(format!("a name has at most {LONGEST} characters")));
    }
    if name.chars().all(allowed) {
        return Ok(());
    }
    let signs = if dots { "`-`, `_` and `.`" } else { "`-` and `_`" };
    Err(fault.help(format!("a name is made of letters, digits, {signs}")))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn names() {
        assert_eq!(check("product-details_v1.2", true), Ok(()));
        assert!(check("v1.2", false).is_err());
        for wrong in ["", "@base", "a b", "ä", "https://x", &"x".repeat(65)] {
            assert!(check(wrong, true).is_err(), "{wrong}");
        }
    }
}
