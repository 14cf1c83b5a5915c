//! A plugin as a chain calls it: check out, call, check in.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Plugin,
    instance::{Instance, StartError},
    pool::StreamPlace,
};
use crate::{
    config::{Isolation, OnError},
    filter::{Cause, Failure, Filter, Hook, Hooks, Stage, Verdict},
    message::{Exchange, Standing},
};

/// One use of a plugin in a chain.
#[derive(Clone)]
pub struct PluginFilter {
    plugin: Arc<Plugin>,
    on_error: OnError,
}

impl PluginFilter {
    /// A use of `plugin`.
    pub fn new(plugin: Arc<Plugin>, on_error: OnError) -> Self {
        Self { plugin, on_error }
    }

    /// The plugin behind it.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }
}

impl Filter for PluginFilter {
    type Stage = PluginStage;

    fn name(&self) -> &Arc<str> {
        &self.plugin.context.name
    }

    fn hooks(&self) -> Hooks {
        self.plugin.hooks()
    }

    fn standing(&self) -> &Standing {
        self.plugin.standing()
    }

    fn on_error(&self) -> OnError {
        self.on_error
    }

    fn body_cap(&self) -> u64 {
        self.plugin.context.limits.body
    }

    fn listens(&self, hook: Hook) -> bool {
        self.plugin.listens(hook)
    }

    fn call(
        &self,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> impl Future<Output = Result<Verdict, Failure>> + Send {
        self.plugin.call(hook, exchange)
    }

    async fn open(
        &self,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Result<Option<PluginStage>, Failure> {
        let opened = Plugin::open(&self.plugin, hook, exchange).await;
        opened.map_err(|cause| self.plugin.failed(hook, cause))
    }
}

/// One body in the hands of one instance, which is nobody else's until the body has ended.
pub struct PluginStage {
    plugin: Arc<Plugin>,
    hook: Hook,
    instance: Box<Instance>,
    _place: StreamPlace,
}

impl Stage for PluginStage {
    async fn chunk(&mut self, data: Bytes) -> Result<Bytes, Failure> {
        let given = self.instance.chunk(self.hook, data.into()).await;
        given.map(Bytes::from).map_err(|cause| self.plugin.failed(self.hook, cause))
    }

    /// Only after this an instance is used again: one that has failed, or whose body broke off,
    /// may still hold a part of it.
    async fn finish(mut self) -> Result<Bytes, Failure> {
        match self.instance.finish(self.hook).await {
            Ok(rest) => {
                self.plugin.keep(self.instance);
                Ok(rest.into())
            }
            Err(cause) => Err(self.plugin.failed(self.hook, cause)),
        }
    }
}

impl Plugin {
    /// The instance is out of the pool while it runs and comes back only after an answer. So a
    /// trap, a budget, or a client that leaves (which drops this future) costs the instance and
    /// nothing else.
    async fn call(&self, hook: Hook, exchange: &mut Box<Exchange>) -> Result<Verdict, Failure> {
        let failed = |cause| self.failed(hook, cause);
        let (_place, idle) = self.pool.check_out().await.ok_or_else(|| failed(Cause::Busy))?;
        let mut instance = match idle {
            Some(instance) => instance,
            None => self.start().await.map_err(failed)?,
        };
        let verdict = instance.call(hook, exchange).await;
        // A plugin's own error is an answer: its instance is sound.
        if matches!(verdict, Ok(_) | Err(Cause::Refused { .. })) {
            self.keep(instance);
        }
        verdict.map_err(failed)
    }

    async fn open(
        self: &Arc<Self>,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Result<Option<PluginStage>, Cause> {
        let (_calling, idle) = self.pool.check_out().await.ok_or(Cause::Busy)?;
        let mut instance = match idle {
            Some(instance) => instance,
            None => self.start().await?,
        };
        match instance.open(hook, exchange).await {
            Ok(true) => {
                let place = self.pool.stream().await.ok_or(Cause::Crowded)?;
                let plugin = self.clone();
                Ok(Some(PluginStage { plugin, hook, instance, _place: place }))
            }
            Ok(false) => {
                self.keep(instance);
                Ok(None)
            }
            Err(cause) => {
                if matches!(cause, Cause::Refused { .. }) {
                    self.keep(instance);
                }
                Err(cause)
            }
        }
    }

    fn failed(&self, hook: Hook, cause: Cause) -> Failure {
        Failure { plugin: self.context.name.clone(), hook, cause }
    }

    /// Calls `on-tick`.
    pub async fn tick(&self) -> Result<(), Cause> {
        let (_place, idle) = self.pool.check_out().await.ok_or(Cause::Busy)?;
        let mut instance = match idle {
            Some(instance) => instance,
            None => self.start().await?,
        };
        let done = instance.tick().await;
        if matches!(done, Ok(()) | Err(Cause::Refused { .. })) {
            self.keep(instance);
        }
        done
    }

    async fn start(&self) -> Result<Box<Instance>, Cause> {
        // In a box: a call of an instance that is there already need not carry the room for it.
        let started = Box::pin(Instance::start(&self.pre, &self.exports, &self.context));
        match started.await {
            // What it says anew holds no more: the first one spoke for all.
            Ok((instance, ..)) => Ok(Box::new(instance)),
            Err(StartError::Failed(Cause::Busy)) => Err(Cause::Busy),
            Err(StartError::Failed(cause)) => Err(Cause::Startup(cause.to_string())),
            // It took the same settings when it was loaded.
            Err(StartError::Settings(wrong)) => Err(Cause::Startup(format!(
                "configure refused settings that it took before: {}",
                wrong.iter().map(|w| w.message.as_str()).collect::<Vec<_>>().join("; ")
            ))),
        }
    }

    fn keep(&self, instance: Box<Instance>) {
        if self.isolation == Isolation::Pooled && instance.growth() <= self.context.limits.keep {
            self.pool.check_in(instance);
        }
    }
}
