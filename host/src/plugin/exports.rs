//! A component's type, read: which hooks it exports, which capabilities it imports.

use wasmtime::{
    Engine,
    component::{Component, ComponentExportIndex, types::ComponentItem},
};

use super::bindings::hook_needs;
use crate::filter::Hooks;

/// The newest version of the contract that this host speaks. What was built for an older one with the same first two
/// numbers is spoken as well.
const WIT_VERSION: &str = "0.1.3";
const PACKAGE: &str = "torana:plugin/";

/// The exported functions, by index.
pub(super) struct Exports {
    pub(super) configure: ComponentExportIndex,
    pub(super) schema: Option<ComponentExportIndex>,
    pub(super) request_head: Option<ComponentExportIndex>,
    pub(super) request_body: Option<ComponentExportIndex>,
    pub(super) request_stream: Option<StreamExports>,
    pub(super) response_head: Option<ComponentExportIndex>,
    pub(super) response_body: Option<ComponentExportIndex>,
    pub(super) response_stream: Option<StreamExports>,
    pub(super) handler: Option<ComponentExportIndex>,
    pub(super) tick: Option<ComponentExportIndex>,
    /// Which hooks there are.
    pub(super) hooks: Hooks,
}

/// The three functions of a stream hook.
#[derive(Clone, Copy)]
pub(super) struct StreamExports {
    pub(super) start: ComponentExportIndex,
    pub(super) chunk: ComponentExportIndex,
    pub(super) finish: ComponentExportIndex,
}

impl Exports {
    /// The hooks of a component, or why it is no plugin.
    pub(super) fn of(component: &Component) -> Result<Self, String> {
        if let Some(version) = versions(component).find(|version| !is_spoken(version)) {
            return Err(other_version(&version));
        }
        // A name finds the same of an older version too.
        let find = |interface: &str, function: &str| {
            let name = format!("{PACKAGE}{interface}@{WIT_VERSION}");
            let instance = component.get_export_index(None, name.as_str())?;
            component.get_export_index(Some(&instance), function)
        };
        let stream = |interface| {
            Some(StreamExports {
                start: find(interface, "start")?,
                chunk: find(interface, "chunk")?,
                finish: find(interface, "finish")?,
            })
        };
        let configure = find("configure", "configure").ok_or_else(|| no_configure(component))?;
        let mut exports = Self {
            configure,
            schema: find("schema", "settings"),
            request_head: find("on-request-head", "handle"),
            request_body: find("on-request-body", "handle"),
            request_stream: stream("on-request-stream"),
            response_head: find("on-response-head", "handle"),
            response_body: find("on-response-body", "handle"),
            response_stream: stream("on-response-stream"),
            handler: find("handler", "handle"),
            tick: find("on-tick", "tick"),
            hooks: Hooks::default(),
        };
        exports.hooks = Hooks {
            request_head: exports.request_head.is_some(),
            request_body: exports.request_body.is_some(),
            request_stream: exports.request_stream.is_some(),
            handler: exports.handler.is_some(),
            response_head: exports.response_head.is_some(),
            response_body: exports.response_body.is_some(),
            response_stream: exports.response_stream.is_some(),
            tick: exports.tick.is_some(),
            schema: exports.schema.is_some(),
        };
        exports.check_that_it_is_called()?;
        Ok(exports)
    }

    fn check_that_it_is_called(&self) -> Result<(), String> {
        let hooks = Hooks { schema: false, ..self.hooks };
        if hooks == Hooks::default() {
            return Err("the component exports no hook, so it would never be called; \
                        export on-request-head, on-response-body, handler or another one"
                .into());
        }
        Ok(())
    }
}

impl Hooks {
    /// Those that are left without these.
    pub(super) fn without(self, skipped: hook_needs::Hooks) -> Self {
        use hook_needs::Hooks as Skip;
        let is_left = |is_there, skip| is_there && !skipped.contains(skip);
        Self {
            request_head: is_left(self.request_head, Skip::ON_REQUEST_HEAD),
            request_body: is_left(self.request_body, Skip::ON_REQUEST_BODY),
            request_stream: is_left(self.request_stream, Skip::ON_REQUEST_STREAM),
            response_head: is_left(self.response_head, Skip::ON_RESPONSE_HEAD),
            response_body: is_left(self.response_body, Skip::ON_RESPONSE_BODY),
            response_stream: is_left(self.response_stream, Skip::ON_RESPONSE_STREAM),
            ..self
        }
    }
}

/// The version of the contract that a component was built for.
pub(super) fn version(component: &Component) -> Option<String> {
    versions(component).next()
}

/// Of all that it exports of the contract: a linker may have put together what was built for several.
fn versions(component: &Component) -> impl Iterator<Item = String> {
    let ty = component.component_type();
    let names = ty.exports(component.engine()).map(|(name, _)| name.to_owned());
    let version = |name: String| Some(name.strip_prefix(PACKAGE)?.split_once('@')?.1.to_owned());
    names.filter_map(version).collect::<Vec<_>>().into_iter()
}

/// Whether a version is ours or an older one that ours has all of.
fn is_spoken(version: &str) -> bool {
    let split = |version: &str| {
        let (line, patch) = version.rsplit_once('.')?;
        Some((line.to_owned(), patch.parse::<u32>().ok()?))
    };
    match (split(version), split(WIT_VERSION)) {
        (Some((line, patch)), Some((ours, newest))) => line == ours && patch <= newest,
        _ => false,
    }
}

fn other_version(version: &str) -> String {
    format!(
        "the component was built for torana:plugin@{version}; this torana speaks \
         torana:plugin@{WIT_VERSION}: rebuild the plugin with the SDK of this version"
    )
}

/// Why there is no `configure` of ours.
fn no_configure(component: &Component) -> String {
    match version(component) {
        Some(_) => {
            "the component exports hooks but no `configure`, which every plugin needs".into()
        }
        None => format!(
            "the component is no Torana plugin: it exports nothing of torana:plugin@{WIT_VERSION}"
        ),
    }
}

/// One imported interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Import {
    /// A capability of ours: the interface's name.
    Capability(String),
    /// WASI: the whole name.
    Wasi(String),
}

impl Import {
    /// The interface's name, or the whole name for WASI.
    pub fn name(&self) -> &str {
        match self {
            Self::Capability(name) | Self::Wasi(name) => name,
        }
    }

    /// The interface's name if it is one of ours.
    pub fn capability(&self) -> Option<&str> {
        match self {
            Self::Capability(name) => Some(name),
            Self::Wasi(_) => None,
        }
    }
}

/// The capabilities that a component imports, without interfaces of types only; or why they
/// cannot be given.
pub(super) fn imports(engine: &Engine, component: &Component) -> Result<Vec<Import>, String> {
    let mut imports = Vec::new();
    for (name, item) in component.component_type().imports(engine) {
        if !has_functions(engine, &item.ty) {
            continue;
        }
        if name.starts_with("wasi:") {
            imports.push(Import::Wasi(name.to_owned()));
            continue;
        }
        let (interface, version) =
            name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')).ok_or_else(|| {
                format!("the component imports `{name}`, which Torana does not offer")
            })?;
        if !is_spoken(version) {
            return Err(format!(
                "the component imports torana:plugin/{interface}@{version}; this torana speaks \
                 @{WIT_VERSION}: rebuild the plugin with the SDK of this version"
            ));
        }
        imports.push(Import::Capability(interface.to_owned()));
    }
    Ok(imports)
}

fn has_functions(engine: &Engine, item: &ComponentItem) -> bool {
    match item {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).any(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
        }
        ComponentItem::Type(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_versions_of_the_same_line_are_spoken() {
        for (version, spoken) in [
            ("0.1.0", true),
            (WIT_VERSION, true),
            ("0.1.99", false),
            ("0.2.0", false),
            ("1.1.0", false),
            ("0.1.x", false),
            ("0.1", false),
            ("", false),
        ] {
            assert_eq!(is_spoken(version), spoken, "{version}");
        }
    }
}
