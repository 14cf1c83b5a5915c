//! Where a configuration uses its plugins.

use super::{Config, PluginUse};

impl Config {
    /// Every use in a chain, those of listeners first.
    pub fn uses(&self) -> impl Iterator<Item = &PluginUse> {
        let of_listeners = self.listeners.iter().flat_map(|listener| &listener.chain);
        of_listeners.chain(self.routes.iter().flat_map(|route| &route.chain))
    }

    /// Everything that is loaded, to change it: each use in a chain, and each `[plugins.NAME]` as it
    /// stands, for one that no chain names is configured and ticks as well.
    pub fn loaded_mut(&mut self) -> impl Iterator<Item = &mut PluginUse> {
        let of_listeners = self.listeners.iter_mut().flat_map(|listener| &mut listener.chain);
        let of_chains = of_listeners.chain(self.routes.iter_mut().flat_map(|r| &mut r.chain));
        of_chains.chain(&mut self.plugins)
    }
}
