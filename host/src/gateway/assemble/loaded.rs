//! The plugins of one configuration.

use std::{collections::HashMap, sync::Arc};

use crate::{
    config::{PluginUse, Span},
    plugin::{Plugin, PluginFilter},
};

/// Plugins by the place that names them.
#[derive(Default)]
pub(super) struct Loaded {
    plugins: HashMap<(Arc<str>, Span), Arc<Plugin>>,
}

impl Loaded {
    pub(super) fn insert(&mut self, wanted: &PluginUse, plugin: Arc<Plugin>) {
        self.plugins.insert((wanted.name.clone(), wanted.span), plugin);
    }

    pub(super) fn get(&self, wanted: &PluginUse) -> Option<&Arc<Plugin>> {
        self.plugins.get(&(wanted.name.clone(), wanted.span))
    }

    pub(super) fn filter(&self, wanted: &PluginUse) -> Option<PluginFilter> {
        Some(PluginFilter::new(self.get(wanted)?.clone(), wanted.on_error))
    }

    /// Each once, however often chains use it.
    pub(super) fn all(&self) -> Vec<Arc<Plugin>> {
        let mut all: Vec<Arc<Plugin>> = Vec::new();
        for plugin in self.plugins.values() {
            if !all.iter().any(|known| Arc::ptr_eq(known, plugin)) {
                all.push(plugin.clone());
            }
        }
        all
    }

    /// One plugin for each entry that wants ticks: they are for the entry, not for each use. The
    /// first use has them, so that a reload finds the same one.
    pub(super) fn ticking(&self) -> Vec<Arc<Plugin>> {
        let wanting = self.plugins.iter().filter(|(_, plugin)| plugin.tick_interval().is_some());
        let mut firsts: HashMap<&str, (Span, &Arc<Plugin>)> = HashMap::new();
        for ((name, span), plugin) in wanting {
            let first = firsts.entry(name).or_insert((*span, plugin));
            if *span < first.0 {
                *first = (*span, plugin);
            }
        }
        firsts.into_values().map(|(_, plugin)| plugin.clone()).collect()
    }
}
