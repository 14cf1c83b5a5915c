//! A `PluginUse` of the configuration becomes a plugin: file, digest, component, type held against
//! the grants, and a first instance that takes the settings. `torana check` does exactly this.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use serde_json::Value;
use wasmtime::{
    Engine,
    component::{Component, HasSelf, InstancePre, Linker},
};

use super::{
    Plugin,
    bindings::{self, Setup},
    components::Components,
    context::Context,
    engine::{self, Traces},
    exports::{self, Exports, Import},
    file::read_file,
    grants::check_grants,
    instance::{Instance, StartError},
    named::{check_pin, read_component, sha256},
    pool::Pool,
    reach,
    refusal::explain,
    schema::schema,
    state::State,
};
use crate::{
    config::{ComponentRef, Diagnostic, Grants, Isolation, PluginLimits, PluginUse, Secrets, Span},
    dispatch::Dispatch,
    filter::Hooks,
    stores::Stores,
    telemetry::Telemetry,
    wall::WallClock,
};

/// What plugins reach through the host.
#[derive(Clone)]
pub struct Services {
    /// Key-value namespaces and counters.
    pub stores: Arc<dyn Stores>,
    /// The way to other services.
    pub dispatch: Arc<dyn Dispatch>,
    /// Metrics.
    pub telemetry: Arc<Telemetry>,
    /// The gateway's name in `Via`: a plugin's call that leads back here is seen to be a loop.
    pub via: Arc<str>,
    /// The time of day, as plugins are told it.
    pub wall: WallClock,
}

/// Loads plugins, and remembers them for as long as somebody uses them: a reload finds its
/// instances again when nothing about a plugin has changed.
pub struct PluginRoom {
    engine: Engine,
    linker: Linker<State>,
    linker_with_wasi: Linker<State>,
    components: Components,
    services: Services,
    workers: usize,
    plugins: Mutex<HashMap<Identity, Weak<Plugin>>>,
}

/// What a component is, without running it.
#[derive(Debug, Clone)]
pub struct Description {
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Length of the file in bytes.
    pub size: usize,
    /// Where it wants to be called.
    pub hooks: Hooks,
    /// What it imports.
    pub imports: Vec<Import>,
    /// The version of the contract that it was built for.
    pub wit_version: String,
}

/// Two uses that agree in all of this share their instances.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    name: Arc<str>,
    sha256: [u8; 32],
    settings: String,
    grants: Grants,
    limits: PluginLimits,
    isolation: Isolation,
    secrets: Vec<(String, Arc<[u8]>)>,
}

impl PluginRoom {
    /// A room for `workers` workers.
    pub fn new(services: Services, workers: usize, traces: Traces) -> wasmtime::Result<Self> {
        let engine = engine::engine(traces)?;
        let mut linker = Linker::new(&engine);
        bindings::Capabilities::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        let mut linker_with_wasi = linker.clone();
        wasmtime_wasi::p2::add_to_linker_async(&mut linker_with_wasi)?;
        let components = Components::new(engine.clone());
        Ok(Self {
            engine,
            linker,
            linker_with_wasi,
            components,
            services,
            workers,
            plugins: Mutex::default(),
        })
    }

    /// Loads and checks one use of a plugin; or says everything that is wrong with it.
    pub async fn load(
        &self,
        wanted: &PluginUse,
        secrets: &Secrets,
    ) -> Result<Arc<Plugin>, Vec<Diagnostic>> {
        let wasm = read_component(wanted).map_err(|problem| vec![problem])?;
        let sha256 = sha256(&wasm);
        check_pin(wanted, &sha256).map_err(|problem| vec![problem])?;
        let identity = Identity::of(wanted, sha256, secrets);
        if let Some(plugin) = self.known(&identity) {
            return Ok(plugin);
        }
        let plugin = Arc::new(self.make(wanted, wasm, &identity).await?);
        self.plugins().insert(identity, Arc::downgrade(&plugin));
        Ok(plugin)
    }

    /// Reads a component's type (`torana plugin inspect`).
    pub async fn describe(&self, file: &Path) -> Result<Description, String> {
        let wasm = read_file(file).map_err(|error| format!("cannot read the file: {error}"))?;
        let sha256 = sha256(&wasm);
        let size = wasm.len();
        let component = self.components.get(wasm, sha256).await?;
        let exports = Exports::of(&component)?;
        Ok(Description {
            sha256,
            size,
            hooks: exports.hooks,
            imports: exports::imports(&self.engine, &component)?,
            wit_version: exports::version(&component).unwrap_or_default(),
        })
    }

    /// What a component says of its settings (`torana schema PLUGIN`), as JSON Schema; none where it says nothing that
    /// can be read. It is granted nothing, but WASI if it imports that: there is nothing behind it.
    pub async fn schema_of(&self, component: ComponentRef) -> Result<Option<Value>, Diagnostic> {
        let mut wanted = PluginUse::bare(component);
        let wasm = read_component(&wanted)?;
        let identity = Identity::of(&wanted, sha256(&wasm), &Secrets::default());
        let wrong = |message: String| Diagnostic::error(None, message);
        let component = self.components.get(wasm, identity.sha256).await.map_err(wrong)?;
        let exports = Exports::of(&component).map_err(wrong)?;
        let imports = exports::imports(&self.engine, &component).map_err(wrong)?;
        wanted.grants.wasi = imports.iter().any(|import| matches!(import, Import::Wasi(_)));
        let pre = self.linked(&wanted, &component).map_err(wrong)?;
        let context = Arc::new(self.context(&wanted, &identity));
        Ok(schema(&pre, &exports, &context).await)
    }

    /// Forgets compiled components and plugins that nobody uses any more.
    pub fn tidy(&self) {
        self.plugins().retain(|_, plugin| plugin.strong_count() > 0);
        let used: Vec<[u8; 32]> = self.plugins().keys().map(|identity| identity.sha256).collect();
        self.components.retain(|sha256| used.contains(sha256));
    }

    async fn make(
        &self,
        wanted: &PluginUse,
        wasm: Vec<u8>,
        identity: &Identity,
    ) -> Result<Plugin, Vec<Diagnostic>> {
        let at_component =
            |message: String| vec![Diagnostic::error(wanted.component_span, message)];
        let component = self.components.get(wasm, identity.sha256).await.map_err(at_component)?;
        let exports = Exports::of(&component).map_err(at_component)?;
        let imports = exports::imports(&self.engine, &component).map_err(at_component)?;
        check_grants(wanted, &imports, exports.hooks)?;
        let pre = self.linked(wanted, &component).map_err(at_component)?;
        let context = Arc::new(self.context(wanted, identity));
        let (instance, setup, declared) =
            Instance::start(&pre, &exports, &context).await.map_err(|e| explain(wanted, e))?;
        let mentions = declared.mentions.into_result();
        let mentions = mentions.map_err(|wrong| explain(wanted, StartError::Settings(wrong)))?;
        if imports.iter().any(|import| import.capability() == Some("fetch")) {
            let schema = schema(&pre, &exports, &context).await;
            schema.map_or(Ok(()), |schema| reach::check(wanted, &schema))?;
        }
        let hooks = exports.hooks.without(declared.skipped);
        let pool = Pool::new(self.workers, &wanted.limits);
        if wanted.isolation == Isolation::Pooled {
            pool.check_in(Box::new(instance));
        }
        Ok(Plugin {
            tick: tick_interval(&setup),
            context,
            exports,
            hooks,
            standing: declared.standing,
            mentions,
            imports,
            pre,
            pool,
            isolation: wanted.isolation,
            sha256: identity.sha256,
        })
    }

    fn linked(
        &self,
        wanted: &PluginUse,
        component: &Component,
    ) -> Result<InstancePre<State>, String> {
        let linker = if wanted.grants.wasi { &self.linker_with_wasi } else { &self.linker };
        let linked = linker.instantiate_pre(component);
        linked.map_err(|error| format!("the component does not fit this torana: {error:#}"))
    }

    fn context(&self, wanted: &PluginUse, identity: &Identity) -> Context {
        let stores = &self.services.stores;
        Context {
            name: wanted.name.clone(),
            settings: wanted.settings.json.clone(),
            grants: wanted.grants.clone(),
            limits: wanted.limits.clone(),
            secrets: identity.secrets.iter().cloned().collect(),
            kv: wanted.grants.kv.as_ref().map(|g| stores.kv(&wanted.name, g.max_bytes, g.shared)),
            rate_limit: stores.rate_limit(&wanted.name),
            dispatch: self.services.dispatch.clone(),
            telemetry: self.services.telemetry.clone(),
            via: self.services.via.clone(),
            wall: self.services.wall,
        }
    }

    fn known(&self, identity: &Identity) -> Option<Arc<Plugin>> {
        self.plugins().get(identity).and_then(Weak::upgrade)
    }

    fn plugins(&self) -> std::sync::MutexGuard<'_, HashMap<Identity, Weak<Plugin>>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    fn of(wanted: &PluginUse, sha256: [u8; 32], secrets: &Secrets) -> Self {
        let named = wanted.grants.secrets_use.iter().chain(&wanted.grants.secrets_reveal);
        Self {
            name: wanted.name.clone(),
            sha256,
            settings: wanted.settings.json.clone(),
            // Where the grants stand in the file changes nothing about them.
            grants: Grants { span: Span::default(), ..wanted.grants.clone() },
            limits: wanted.limits.clone(),
            isolation: wanted.isolation,
            secrets: named
                .filter_map(|name| Some((name.clone(), secrets.0.get(name)?.clone())))
                .collect(),
        }
    }
}

/// A tick more often than ten times a second is a mistake, and would keep the control thread busy.
fn tick_interval(setup: &Setup) -> Option<Duration> {
    setup.tick_ms.map(|ms| Duration::from_millis(u64::from(ms.max(100))))
}
