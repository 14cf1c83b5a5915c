//! Chains: which plugins run, in which order, with which changes.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

use super::{
    Diagnostic, PluginUse, Span,
    context::Context,
    fault::quote,
    grants::GRANTS,
    keys::{Kind, Shape, key},
    limits::PLUGIN_LIMITS,
    on_error::ON_ERROR,
    plugin::Entry,
    table::Table,
    value::{Text, Value},
};

/// More would be a mistake, or a chain that doubles itself by naming another one twice.
const LONGEST: usize = 64;

/// What may stand for a chain.
pub(super) const CHAIN: Kind = Kind::List(&Kind::OneOf(&[Kind::Text("NAME"), Kind::Table(&LINK)]));

/// The keys of `[chains.NAME]`.
pub(super) static NAMED_CHAIN: Shape = Shape {
    id: "chain",
    place: "[chains.NAME]",
    about: "Plugins to use again: `\"@NAME\"` in another chain stands for all of them.",
    keys: &[key("plugins", CHAIN, "The plugins in order; see `chain` of a route.").required()],
};

static LINK: Shape = Shape {
    id: "chain_entry",
    place: "an entry of a chain",
    about: "A plugin with changes. They hold in this place only.",
    keys: &[
        key("plugin", Kind::Text("NAME"), "Name of an entry of [plugins].").required(),
        key(
            "config",
            Kind::Free,
            "Settings of the plugin; each key here takes the place of the plugin's own.",
        ),
        key("grants", Kind::Table(&GRANTS), "Grants to take away; nothing can be added."),
        key("limits", Kind::Table(&PLUGIN_LIMITS), "Lower limits."),
        key("on_error", ON_ERROR, "Stricter handling of errors."),
    ],
};

/// The plugins and the named chains of a file, from which chains are put together.
pub(super) struct Library<'a> {
    cx: &'a Context,
    plugins: Vec<Entry>,
    named: BTreeMap<&'a str, Table<'a>>,
    finished: RefCell<HashMap<&'a str, Vec<PluginUse>>>,
}

impl<'a> Library<'a> {
    /// Checks every named chain, also those that nothing uses.
    pub(super) fn new(root: &Table<'a>, plugins: Vec<Entry>) -> Self {
        let chains = root.named("chains", true);
        let named = chains.iter().map(|(name, table)| (name.text, *table)).collect();
        let library = Self { cx: root.cx, plugins, named, finished: RefCell::default() };
        for (name, _) in &chains {
            library.named_chain(name.text, name.span, &mut Vec::new());
        }
        library
    }

    /// The plugins of a chain that is in use.
    pub(super) fn chain(&self, value: &Value<'a>) -> Vec<PluginUse> {
        let chain = self.expand(value, &mut Vec::new());
        chain.iter().for_each(|plugin| self.cx.names.plugins.mark(&plugin.name));
        chain
    }

    fn expand(&self, value: &Value<'a>, path: &mut Vec<&'a str>) -> Vec<PluginUse> {
        let mut chain = Vec::new();
        for entry in value.list() {
            chain.extend(self.entry(&entry, path));
        }
        if chain.len() > LONGEST {
            let message = format!("a chain has at most {LONGEST} plugins");
            let label = format!("{} with the chains that it names", chain.len());
            self.cx.report(Diagnostic::error(value.span, message).label(label));
            chain.truncate(LONGEST);
        }
        chain
    }

    fn entry(&self, value: &Value<'a>, path: &mut Vec<&'a str>) -> Vec<PluginUse> {
        if value.is_table() {
            return value.table().and_then(|table| self.changed(&table)).into_iter().collect();
        }
        let Some(name) = value.text() else { return Vec::new() };
        match name.without_prefix('@') {
            Some(chain) => self.reference(&chain, path),
            None => {
                let entry = self.plugin(&name);
                entry.map(|entry| entry.plain(name.span)).into_iter().collect()
            }
        }
    }

    /// `{ plugin = "NAME", ... }`
    fn changed(&self, table: &Table<'a>) -> Option<PluginUse> {
        let name = table.text("plugin")?;
        if name.text.starts_with('@') {
            let message = "changes are for one plugin, not for a chain";
            let help = format!("write \"{}\" alone, or its plugins one by one", name.text);
            self.cx.report(Diagnostic::error(name.span, message).label("a chain").help(help));
            return None;
        }
        Some(self.plugin(&name)?.changed(table))
    }

    fn plugin(&self, text: &Text<'_>) -> Option<&Entry> {
        let (names, name) = (&self.cx.names, &*text.text);
        if !names.plugins.has(name) {
            let mut unknown = names.plugins.unknown_text(text);
            if names.chains.has(name) {
                unknown = unknown.help(format!("the chain of this name is written \"@{name}\""));
            }
            self.cx.report(unknown);
        }
        self.plugins.iter().find(|entry| *entry.plugin.name == *name)
    }

    /// `"@NAME"`
    fn reference(&self, text: &Text<'_>, path: &mut Vec<&'a str>) -> Vec<PluginUse> {
        let (names, name, span) = (&self.cx.names, &*text.text, text.span);
        names.chains.mark(name);
        if !names.chains.has(name) {
            let mut unknown = names.chains.unknown_text(text);
            if names.plugins.has(name) {
                unknown = unknown.help(format!("the plugin of this name is written \"{name}\""));
            }
            self.cx.report(unknown);
        }
        match self.named.get_key_value(name) {
            Some((name, _)) => self.named_chain(name, span, path),
            None => Vec::new(),
        }
    }

    fn named_chain(&self, name: &'a str, span: Span, path: &mut Vec<&'a str>) -> Vec<PluginUse> {
        if let Some(finished) = self.finished.borrow().get(name) {
            return finished.clone();
        }
        if let Some(first) = path.iter().position(|outer| *outer == name) {
            let way: Vec<_> =
                path[first..].iter().chain([&name]).map(|name| format!("@{name}")).collect();
            let message = format!("chain {} contains itself", quote(name));
            self.cx.report(Diagnostic::error(span, message).label(way.join(" -> ")));
            return Vec::new();
        }
        path.push(name);
        let list = self.named.get(name).and_then(|table| table.get("plugins"));
        let chain = list.map(|list| self.expand(&list, path)).unwrap_or_default();
        path.pop();
        self.finished.borrow_mut().insert(name, chain.clone());
        chain
    }

    /// The plugins as `[plugins]` has them, in file order.
    pub(super) fn into_plugins(self) -> Vec<PluginUse> {
        self.plugins.into_iter().map(|entry| entry.plugin).collect()
    }
}
