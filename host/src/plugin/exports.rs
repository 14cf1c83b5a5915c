//! A component's type, read: which hooks it exports, which capabilities it imports.

use wasmtime::{
    Engine,
    component::{Component, ComponentExportIndex, types::ComponentItem},
};

use crate::filter::Hooks;

/// The version of the contract that this host speaks.
pub(super) const WIT_VERSION: &str = "0.1.0";
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
        let configure = find("configure", "configure").ok_or_else(|| wrong_package(component))?;
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

/// Why there is no `configure` of our version.
fn wrong_package(component: &Component) -> String {
    let engine = component.engine();
    let exports: Vec<String> = component
        .component_type()
        .exports(engine)
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.starts_with(PACKAGE))
        .collect();
    match exports.iter().find_map(|name| name.split_once('@')).map(|(_, version)| version) {
        Some(version) if version != WIT_VERSION => format!(
            "the component was built for torana:plugin@{version}; this torana speaks \
             torana:plugin@{WIT_VERSION}: rebuild the plugin with the SDK of this version"
        ),
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
        if version != WIT_VERSION {
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
