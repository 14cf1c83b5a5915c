//! Where a configuration uses its plugins.

use super::{Config, PluginUse};

impl Config {
    /// Every use in a chain, those of listeners first.
    pub fn uses(&self) -> impl Iterator<Item = &PluginUse> {
        let of_listeners = self.listeners.iter().flat_map(|listener| &listener.chain);
        of_listeners.chain(self.routes.iter().flat_map(|route| &route.chain))
    }

    /// The same, to change them.
    pub fn uses_mut(&mut self) -> impl Iterator<Item = &mut PluginUse> {
        let of_listeners = self.listeners.iter_mut().flat_map(|listener| &mut listener.chain);
        of_listeners.chain(self.routes.iter_mut().flat_map(|route| &mut route.chain))
    }

    /// The `[plugins.NAME]` that a chain names, as they stand there, in file order.
    pub fn plugins_in_use(&self) -> impl Iterator<Item = &PluginUse> {
        self.plugins.iter().filter(|plugin| self.uses().any(|wanted| wanted.name == plugin.name))
    }
}
