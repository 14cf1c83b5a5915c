//! `[plugins.NAME]`, and what a chain makes of it.

use std::{path::PathBuf, sync::Arc};

use super::{
    Diagnostic, Grants, LoadOptions, OnError, PluginLimits, Settings, Span,
    fault::{Fault, quote},
    grants::{self, GRANTS},
    keys::{Kind, Shape, key},
    limits::{self, PLUGIN_LIMITS},
    on_error::{self, ON_ERROR},
    settings::Draft,
    table::{Name, Table},
    value::Value,
};

/// One use of a plugin in a chain: the `[plugins.NAME]` entry, merged with what the chain entry
/// overrides. Two uses that are equal share their instances.
#[derive(Debug, Clone)]
pub struct PluginUse {
    /// The entry's name: the label in metrics, logs and audit; kv and buckets belong to it.
    pub name: Arc<str>,
    /// Where the chain names it (or the entry itself, for a tick without a chain).
    pub span: Span,
    /// Where `component` stands.
    pub component_span: Span,
    /// The component's file.
    pub component: ComponentRef,
    /// The settings that `configure` gets.
    pub settings: Settings,
    /// What it may touch.
    pub grants: Grants,
    /// What it may use up.
    pub limits: PluginLimits,
    /// What happens when it fails.
    pub on_error: OnError,
    /// Whether instances are used again.
    pub isolation: Isolation,
}

impl PluginUse {
    /// A component for itself: without settings, and without grants.
    pub fn bare(component: ComponentRef) -> Self {
        let (span, written) = (Span::default(), component.written.as_str());
        Self {
            name: written.into(),
            span,
            component_span: span,
            settings: Settings { json: "{}".to_owned(), ..Settings::default() },
            grants: Grants::default(),
            limits: PluginLimits::default(),
            on_error: OnError::default(),
            isolation: Isolation::default(),
            component,
        }
    }
}

/// Where a component comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ComponentRef {
    /// The file; a bundled name has become a path in the components folder.
    pub path: PathBuf,
    /// What the TOML wrote, for messages.
    pub written: String,
    /// The pinned SHA-256 of the file, if any.
    pub sha256: Option<[u8; 32]>,
}

impl ComponentRef {
    /// A component as one names it: the name of a bundled one, or a file.
    pub fn named(text: &str, options: &LoadOptions) -> Self {
        let is_file = text.contains(['/', '\\']) || text.ends_with(".wasm");
        let path = if is_file { PathBuf::from(text) } else { bundled(text, options) };
        Self { path, written: text.to_owned(), sha256: None }
    }
}

fn bundled(name: &str, options: &LoadOptions) -> PathBuf {
    options.components_folder().join(format!("{name}.wasm"))
}

/// Whether an instance serves more than one hook call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Instances are pooled and used again.
    #[default]
    Pooled,
    /// Every hook call gets a fresh instance.
    Request,
}

/// The table's keys.
pub(super) static PLUGIN: Shape = Shape {
    id: "plugin",
    place: "[plugins.NAME]",
    about: "A component, what it may do, and its settings.",
    keys: &[
        key(
            "component",
            Kind::OneOf(&[Kind::Text("NAME"), Kind::Table(&COMPONENT)]),
            "The name of a bundled component, or `{ path = \"...\", sha256 = \"...\" }`.",
        )
        .required(),
        key("grants", Kind::Table(&GRANTS), "What it may do. All that is not written is denied."),
        key("limits", Kind::Table(&PLUGIN_LIMITS), "What it may use up."),
        key(
            "on_error",
            ON_ERROR,
            "When a hook fails: \"deny\" (500), \"skip\", a status, or one for each phase.",
        )
        .or("deny"),
        key(
            "isolation",
            Kind::Choice(&["pooled", "request"]),
            "\"request\" gives every hook call a fresh instance, at a price.",
        )
        .or("pooled"),
        key("config", Kind::Free, "The plugin's own settings; `torana schema PLUGIN` lists them."),
    ],
};

static COMPONENT: Shape = Shape {
    id: "component",
    place: "`component` of [plugins.NAME]",
    about: "A component that is not bundled.",
    keys: &[
        key("path", Kind::Text("plugins/mine.wasm"), "The file, relative to this one.").required(),
        key(
            "sha256",
            Kind::Text("9f86d081884c7d65..."),
            "The file's SHA-256; another file is refused.",
        ),
    ],
};

/// A plugin as `[plugins.NAME]` has it, and what chain entries can still change.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) plugin: PluginUse,
    draft: Draft,
}

/// Reads one `[plugins.NAME]`.
pub(super) fn read(name: Name<'_>, table: &Table<'_>) -> Entry {
    let draft = table.get("config").map_or(Draft::empty(table.span), |value| Draft::read(&value));
    let limits = table.sub("limits");
    let plugin = PluginUse {
        name: name.text.into(),
        span: table.span,
        component_span: table.span_of("component"),
        component: table.get("component").and_then(|value| component(&value)).unwrap_or_default(),
        settings: draft.finish(),
        grants: grants::read(&table.sub("grants")),
        limits: limits::read(&limits),
        on_error: table
            .get("on_error")
            .map_or_else(OnError::default, |value| on_error::read(&value, OnError::default())),
        isolation: match table.choice("isolation") {
            "request" => Isolation::Request,
            _ => Isolation::Pooled,
        },
    };
    check_secrets(table, &draft, &plugin.grants, &plugin);
    Entry { plugin, draft }
}

impl Entry {
    /// The plugin as a chain names it, without changes.
    pub(super) fn plain(&self, span: Span) -> PluginUse {
        PluginUse { span, ..self.plugin.clone() }
    }

    /// The plugin as a chain entry changes it.
    pub(super) fn changed(&self, entry: &Table<'_>) -> PluginUse {
        let (base, name) = (&self.plugin, &*self.plugin.name);
        let inner = |key| entry.get(key).and_then(|value| value.table());
        let draft = match entry.get("config") {
            Some(value) => self.draft.overridden_by(&Draft::read(&value)),
            None => self.draft.clone(),
        };
        let changed = PluginUse {
            span: entry.span,
            settings: draft.finish(),
            grants: inner("grants").map_or_else(
                || base.grants.clone(),
                |table| grants::narrow(&base.grants, &table, name),
            ),
            limits: inner("limits").map_or_else(
                || base.limits.clone(),
                |table| limits::narrow(&base.limits, &table, name),
            ),
            on_error: on_error::narrow(base.on_error, entry, name),
            ..base.clone()
        };
        check_secrets(entry, &draft, &changed.grants, base);
        changed
    }
}

/// Holds the secrets that the settings name against those that there are and that are granted.
fn check_secrets(table: &Table<'_>, draft: &Draft, grants: &Grants, plugin: &PluginUse) {
    let secrets = &table.cx.names.secrets;
    for (name, span) in draft.secrets() {
        secrets.mark(name);
        if !secrets.has(name) {
            table.cx.report(secrets.unknown(name, *span));
        } else if !may_use(&plugin.grants, name) {
            table.cx.report(not_granted(name, *span, &plugin.name));
        } else if !may_use(grants, name) {
            let message =
                format!("the settings need secret {}, which is taken away here", quote(name));
            table.cx.report(Diagnostic::error(grants.span, message).label("not granted"));
        }
    }
}

fn may_use(grants: &Grants, secret: &String) -> bool {
    grants.secrets_use.contains(secret) || grants.secrets_reveal.contains(secret)
}

fn not_granted(secret: &str, span: Span, plugin: &str) -> Diagnostic {
    let message = format!("plugin {} may not use secret {}", quote(plugin), quote(secret));
    let help =
        format!("add secrets = {{ use = [\"{secret}\"] }} to the `grants` of [plugins.{plugin}]");
    Diagnostic::error(span, message).label("not granted").help(help)
}

fn component(value: &Value<'_>) -> Option<ComponentRef> {
    if !value.is_table() {
        let written = value.parse(bundled_name)?;
        let path = bundled(&written, &value.cx.options);
        value.cx.will_read(&path);
        return Some(ComponentRef { path, written, sha256: None });
    }
    let table = value.table()?;
    let sha256 = table.parse("sha256", digest);
    let written = table.text("path")?.text.into_owned();
    Some(ComponentRef { path: table.path("path")?, written, sha256 })
}

fn bundled_name(text: &str) -> Result<String, Fault> {
    let fault = Fault::new("is not the name of a bundled component");
    if text.contains(['/', '\\']) || text.ends_with(".wasm") {
        return Err(fault.help(format!("for a file write component = {{ path = \"{text}\" }}")));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || !text.chars().all(allowed) {
        return Err(fault.help("a name is made of letters, digits, `-` and `_`"));
    }
    Ok(text.to_owned())
}

/// The 64 hexadecimal digits of a SHA-256.
fn digest(text: &str) -> Result<[u8; 32], Fault> {
    let fault =
        || Fault::new("is not a SHA-256").help("write its 64 hexadecimal digits (sha256sum FILE)");
    let text = text.strip_prefix("sha256:").unwrap_or(text);
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() == 64).ok_or_else(fault)?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests() {
        let hex = "00ff".repeat(16);
        assert_eq!(digest(&hex).unwrap()[..2], [0, 255]);
        assert_eq!(digest(&format!("sha256:{hex}")), digest(&hex));
        for wrong in ["", "00", &"0g".repeat(32), &"0".repeat(65), &"é".repeat(32)] {
            assert!(digest(wrong).is_err(), "{wrong}");
        }
    }
}
